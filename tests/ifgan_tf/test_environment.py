"""Surroundings that other projects ask for must not decide over this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ifgan_tf import config
from ifgan_tf.errors import UserError

ROOT = Path(__file__).parents[2]


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    surroundings = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment}
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env=surroundings)


def test_other_settings_of_keras(tmp_path: Path) -> None:
    (tmp_path / ".keras").mkdir()
    odd = {"backend": "jax", "image_data_format": "channels_first", "floatx": "float16", "epsilon": 1e-7}
    (tmp_path / ".keras" / "keras.json").write_text(json.dumps(odd))
    code = (
        "import ifgan_tf\n"
        "from ifgan_tf.config import ModelConfig\n"
        "from ifgan_tf.models.networks import build_networks\n"
        "model = ModelConfig(backbone='SmallCNN', classifier_weights='none', generator_width=8)\n"
        "networks = build_networks(model, 32, 6, 0)\n"
        "print(networks.generator.output_shape, networks.generator.dtype)\n"
    )
    done = python(code, KERAS_BACKEND="torch", TF_USE_LEGACY_KERAS="1", HOME=str(tmp_path))
    assert done.stdout == "(None, 32, 32, 3) float32\n", done.stderr


@pytest.mark.parametrize(
    ("before", "settings"),
    [
        ("", "tensorflow None"),
        ("import sys; sys.modules['tensorflow'] = None\n", "torch 1"),
        ("import sys, types; sys.modules['tensorflow'] = types.ModuleType('tensorflow')\n", "torch 1"),
    ],
)
def test_without_tensorflow_keras_is_somebody_elses(before: str, settings: str) -> None:
    code = "import ifgan_tf, os\nprint(os.environ.get('KERAS_BACKEND'), os.environ.get('TF_USE_LEGACY_KERAS'))\n"
    done = python(before + code, KERAS_BACKEND="torch", TF_USE_LEGACY_KERAS="1")
    assert done.stdout == f"{settings}\n", done.stderr


def test_keras_that_runs_on_something_else_already() -> None:
    code = (
        "import keras\n"
        "keras.backend.backend = lambda: 'torch'\n"
        "from ifgan_tf.errors import UserError\n"
        "try:\n"
        "    import ifgan_tf.models.networks\n"
        "except UserError as error:\n"
        "    print(error)\n"
    )
    done = python(code)
    assert done.stdout.startswith("Keras runs on torch in this process; expected tensorflow"), done.stderr


def test_importing_the_package_imports_neither() -> None:
    code = (
        "import sys, ifgan_tf, ifgan_tf.config, ifgan_tf.recognition.device\n"
        "print({'keras', 'tensorflow'} & set(sys.modules))\n"
    )
    assert python(code).stdout == "set()\n"


def test_level_3_is_silence_at_start_up_and_failures_are_told() -> None:
    code = (
        "import importlib.util, ifgan_tf\n"
        "assert importlib.util.find_spec('tensorflow')\n"  # as libraries ask that use it where it is
        "import tensorflow as tf\n"
        "print(tf.zeros(2).numpy().sum())\n"
    )
    done = python(code)
    assert (done.stdout, done.stderr) == ("0.0\n", "")
    code = (
        "import os\n"
        "from ifgan_tf.silence import native_silence\n"
        "with native_silence():\n"
        "    os.write(2, b'kept')\n"
        "with native_silence():\n"
        "    os.write(2, b'told')\n"
        "    raise SystemExit(3)\n"
    )
    done = python(code)
    assert (done.returncode, done.stderr) == (3, "told")


def test_no_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.path.expanduser", lambda name: name)  # as it is for a user whom the system does not know
    with pytest.raises(UserError, match="--data_dir=~/data: this user has no home folder"):
        config._absolute("data_dir", "~/data")
    assert config._absolute("data_dir", "/data") == "/data"
