"""evaluate.py on run folders, from the command line's point of view."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def command(*arguments: str, interpreter: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, *interpreter, str(ROOT / "evaluate.py"), *arguments]
    return subprocess.run(line, capture_output=True, text=True)


def test_help_teaches_without_loading_tensorflow():
    result = command("--help", interpreter=("-X", "importtime"))
    assert result.returncode == 0 and "report.json" in result.stdout and "--workdir" in result.stdout
    assert "absl" in result.stderr and "tensorflow" not in result.stderr and "numpy" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "--workdir is missing"),
        (["--workdir=/nowhere"], "/nowhere: no run there"),
        (["--workdir=/nowhere", "--attention_points=0.1:0.2"], "expected three points"),
        (["--workdir=/nowhere", "--attention_points=0.1:0.2,0.3:4,0:0"], "expected three points"),
        (["--workdir=/nowhere", "extra"], "expected flags only"),
        (["--compare", "/nowhere"], "at least two run folders"),
        (["--compare", "/nowhere", "/elsewhere"], "--compare=/nowhere: "),
    ],
)
def test_bad_input_is_one_clear_line(arguments: list[str], expected: str):
    result = command(*arguments)
    assert result.returncode == 2
    assert result.stderr.startswith("error: ") and expected in result.stderr and "Traceback" not in result.stderr
