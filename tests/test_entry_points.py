"""What all commands have in common: flags of their own, refused arguments, missing flags."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENTRY_POINTS = sorted(
    ".".join(file.relative_to(ROOT).with_suffix("").parts)
    for pattern in ("*.py", "ifgan_tf/**/*.py", "datasets/**/*.py", "export/**/*.py", "benchmarks/**/*.py")
    for file in ROOT.glob(pattern)
    if "    cli.run(main," in file.read_text(encoding="utf-8")
)


def test_they_are_found():
    assert {"train", "evaluate", "ifgan_tf.predict", "datasets.build", "export.tflite"} <= set(ENTRY_POINTS)


def test_importing_one_gives_another_no_flags():
    script = (
        "import importlib, sys; from absl import flags\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
        "print([m for m in flags.FLAGS.flags_by_module_dict() if any(m.endswith(name) for name in sys.argv[1:])])\n"
        "print('workdir' in flags.FLAGS, 'dataset' in flags.FLAGS, 'model' in flags.FLAGS)"
    )
    done = subprocess.run([sys.executable, "-c", script, *ENTRY_POINTS], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["[]", "False False False"], done.stderr


@pytest.mark.parametrize(
    ("module", "first"),
    [
        ("train", "workdir"),
        ("evaluate", "workdir"),
        ("datasets.build", "dataset"),
        ("datasets.check", "dataset"),
        ("datasets.synthetic_faces.draw", "output"),
        ("export.saved_model", "workdir"),
        ("export.tflite", "workdir"),
        ("export.web_demo", "output"),
    ],
)
def test_what_is_missing_and_what_is_too_much_is_one_line(module, first):
    for arguments, told in (([], f"--{first} is missing; see --help"), (["extra"], "extra: expected flags only")):
        done = subprocess.run([sys.executable, "-m", module, *arguments], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 2 and done.stderr.startswith(f"error: {told}") and done.stderr.count("\n") == 1
