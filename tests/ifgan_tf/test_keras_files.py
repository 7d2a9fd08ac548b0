"""Files of Keras from a stranger: none runs anything, none reads another file, none fills the memory."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from ifgan_tf.errors import UserError
from ifgan_tf.keras_files import MAX_WEIGHT_BYTES, refuse_odd_model, refuse_odd_weights
from ifgan_tf.models.backbones import SMALL_CNN, build_backbone
from ifgan_tf.privacy.embeddings import load_embedding


@pytest.fixture
def sentinel(tmp_path: Path) -> Path:
    """A file that only the model's own code would write."""
    return tmp_path / "SENTINEL"


def lambda_model(sentinel: Path) -> keras.Model:
    """A model that writes the sentinel when its layer is called, from code that it carries."""
    name = str(sentinel)
    return keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Lambda(lambda x, name=name: (open(name, "w").close(), x)[1]),  # noqa: PTH123
            keras.layers.Flatten(),
        ]
    )


@pytest.mark.parametrize("suffix", [".keras", ".h5", ".hdf5"])
def test_a_model_that_carries_code_is_refused(suffix: str, tmp_path: Path, sentinel: Path) -> None:
    file = tmp_path / f"embedding{suffix}"
    lambda_model(sentinel).save(file)
    sentinel.unlink(missing_ok=True)
    with pytest.raises(UserError, match=r"--embedding=.*Lambda"):
        load_embedding(file)
    assert not sentinel.exists()


def changed(file: Path, change: Callable[[dict], object]) -> Path:
    """The `.keras` file with its configuration changed."""
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    change(config)
    parts["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file


@pytest.mark.parametrize(
    "layer",
    [
        {"module": "stranger", "class_name": "Layer", "config": {}},
        {"module": "os", "class_name": "system", "config": "true"},
        {"module": "keras.utils", "class_name": "function", "config": "get_file"},
        {"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "/tmp/saved_model"}},
        {"module": "keras.layers", "class_name": "TorchModuleWrapper", "config": {}},
        {"module": "keras.layers", "class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}},
    ],
    ids=lambda layer: f"{layer['module']}.{layer['class_name']}",
)
def test_a_model_that_asks_for_other_code_is_refused(layer: dict, tmp_path: Path) -> None:
    file = tmp_path / "embedding.keras"
    keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Flatten()]).save(file)
    refuse_odd_model(file)
    changed(file, lambda config: config["config"]["layers"].append(layer))
    with pytest.raises(ValueError, match=f"asks for {layer['module']}.{layer['class_name']}"):
        refuse_odd_model(file)


def test_a_functional_model_of_keras_own_layers_is_taken(tmp_path: Path) -> None:
    image = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu", kernel_regularizer="l2")(keras.layers.Rescaling(1 / 255)(image))
    x = keras.layers.Dense(8, dtype="mixed_bfloat16")(keras.layers.GlobalAveragePooling2D()(keras.ops.abs(x) + 1.0))
    keras.Model(image, keras.layers.UnitNormalization()(x)).save(tmp_path / "embedding.keras")
    assert load_embedding(tmp_path / "embedding.keras")(np.zeros((2, 32, 32, 3), np.uint8)).shape == (2, 8)


def _external_link(file: h5py.File, secret: Path) -> None:
    file["layer"] = h5py.ExternalLink(str(secret), "/secret")


def _soft_link(file: h5py.File, secret: Path) -> None:
    file["layer"] = h5py.SoftLink("/elsewhere")


def _external_data(file: h5py.File, secret: Path) -> None:
    file.create_group("layer").create_dataset("kernel", (4,), "u1", external=[(str(secret), 0, 4)])


def _virtual(file: h5py.File, secret: Path) -> None:
    layout = h5py.VirtualLayout((4,), "u1")
    layout[:] = h5py.VirtualSource(str(secret), "secret", (4,))
    file.create_group("layer").create_virtual_dataset("kernel", layout)


def _bomb(file: h5py.File, secret: Path) -> None:
    file.create_group("layer").create_dataset("kernel", (MAX_WEIGHT_BYTES,), "f4", chunks=(1 << 20,))


@pytest.mark.parametrize("spoil", [_external_link, _soft_link, _external_data, _virtual, _bomb])
def test_weights_that_are_not_in_the_file_are_refused(spoil: Callable[[h5py.File, Path], None], tmp_path: Path) -> None:
    secret, file = tmp_path / "secret.h5", tmp_path / "backbone.weights.h5"
    with h5py.File(secret, "w") as other:
        other["secret"] = np.arange(4, dtype=np.uint8)
    with h5py.File(file, "w") as weights:
        weights["plain"] = np.zeros(3)
    refuse_odd_weights(file)
    with h5py.File(file, "a") as weights:
        spoil(weights, secret)
    with pytest.raises(UserError, match=r"--classifier_weights=.*(link|another file|larger)"):
        build_backbone(SMALL_CNN, str(file), 32, 3, 0.9)


def test_a_file_of_weights_that_holds_itself_is_looked_through_once(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "loop.h5", "w") as file:
        group = file.create_group("a")
        group["again"], group["b"] = file["/"], group
    refuse_odd_weights(tmp_path / "loop.h5")


@pytest.mark.parametrize("name", ["weights.npz", "weights.keras", "weights.weights.json", "weights.pkl"])
def test_other_kinds_of_weights_are_not_opened(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"\x80\x04.")
    with pytest.raises(UserError, match=r"its name ends in"):
        build_backbone(SMALL_CNN, str(tmp_path / name), 32, 3, 0.9)
