"""`make classify`, with a Python in its light environment that tells what it is asked."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TELLS = """#!/bin/sh
for argument in "$@"; do echo "$argument"; done
"""


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A light environment that counts as installed."""
    if not shutil.which("make"):
        pytest.skip("make is not installed")
    folder = tmp_path / "light"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").write_text(TELLS)
    (folder / "bin" / "python").chmod(0o755)
    (folder / ".installed").touch()
    return folder


def make(environment: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    surroundings = {name: value for name, value in os.environ.items() if name not in ("PHOTO", "OUTPUT", "MAKEFLAGS")}
    command = ["make", "--silent", "classify", f"LIGHT={environment}", *arguments]
    return subprocess.run(command, cwd=ROOT, env=surroundings, capture_output=True, text=True)


@pytest.mark.parametrize("name", ["photo.jpg", "my photo.jpg", 'it\'s "me" $HOME `ls`.jpg', "-odd.jpg"])
def test_names_reach_the_command_whole(environment: Path, name: str) -> None:
    done = make(environment, f"PHOTO={name}")
    expected = ["-m", "ifgan_tf.predict", "--output=runs/classify", "--", name]
    assert (done.returncode, done.stdout.splitlines()) == (0, expected), done.stderr
    done = make(environment, f"PHOTO={name}", f"OUTPUT=out of {name}")
    assert f"--output=out of {name}" in done.stdout.splitlines(), done.stderr


def test_without_a_photo_nothing_is_installed(environment: Path) -> None:
    (environment / ".installed").unlink()
    done = make(environment)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("error: PHOTO is missing") and "make classify PHOTO=photo.jpg" in done.stderr
    assert not (environment / ".installed").exists()


def test_what_it_installs_is_the_projects_and_pinned() -> None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    ours = settings["options"]["install_requires"] + settings["options.extras_require"]["lite"]
    pinned = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    light = (ROOT / "requirements-light.txt").read_text(encoding="utf-8")
    names = [line for line in light.splitlines() if not line.startswith("#")]
    assert "ai-edge-litert" in names
    for name in names:
        assert re.search(rf"^{name}>=", ours, re.MULTILINE), name
        assert re.search(rf"^{name}==", pinned, re.MULTILINE), name
