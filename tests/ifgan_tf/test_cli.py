import errno
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ifgan_tf import cli
from ifgan_tf.errors import UserError

ROOT = Path(__file__).parents[2]


def exit_code(monkeypatch, main, *arguments):
    monkeypatch.setattr(sys, "argv", ["program", *arguments])
    with pytest.raises(SystemExit) as stopped:
        cli.run(main, "Usage text.")
    return stopped.value.code


def raising(error):
    def main(arguments):
        raise error

    return main


def test_success_is_0(monkeypatch):
    assert exit_code(monkeypatch, lambda arguments: None) == 0


def test_mains_code_is_the_exit_code(monkeypatch):
    assert exit_code(monkeypatch, lambda arguments: 3) == 3


def test_positional_arguments_reach_main(monkeypatch):
    seen = []
    exit_code(monkeypatch, seen.extend, "a.png", "b.png")
    assert seen == ["a.png", "b.png"]


def test_bad_input_is_one_line_and_2(monkeypatch, capsys):
    assert exit_code(monkeypatch, raising(UserError("--size=3: expected 4"))) == 2
    assert capsys.readouterr().err == "error: --size=3: expected 4\n"


def test_an_unknown_flag_is_2(monkeypatch, capsys):
    assert exit_code(monkeypatch, lambda arguments: None, "--no_such_flag=1") == 2
    assert "no_such_flag" in capsys.readouterr().err


def test_a_full_disk_is_2_and_says_what_to_do(monkeypatch, capsys):
    error = OSError(errno.ENOSPC, "No space left on device", "/runs/demo/config.json")
    assert exit_code(monkeypatch, raising(error)) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: /runs/demo/config.json: No space left on device; free some space")


def test_a_bug_is_not_hidden(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["program"])
    with pytest.raises(ZeroDivisionError):
        cli.run(raising(ZeroDivisionError()), "Usage text.")


@pytest.mark.parametrize("script", ["train.py", "evaluate.py"])
def test_help_teaches_without_tensorflow(script):
    started = time.perf_counter()
    done = subprocess.run([sys.executable, script, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert "--workdir" in done.stdout and f"python {script}" in done.stdout
    # Importing TensorFlow alone takes seconds; what is left is Python itself.
    assert time.perf_counter() - started < 5
