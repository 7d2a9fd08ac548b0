import errno
import os
import re
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


def test_what_tensorflow_says_of_files_and_memory_is_one_line(monkeypatch, capsys):
    import tensorflow as tf

    full = "{{function_node f}} /runs/demo/events; No space left on device [Op:WriteSummary] name: "
    for error, told in (
        (tf.errors.ResourceExhaustedError(None, None, full), "/runs/demo/events; No space left on device"),
        (tf.errors.ResourceExhaustedError(None, None, "OOM when allocating"), "out of memory: .*--batch_size"),
        (tf.errors.PermissionDeniedError(None, None, "/runs/demo/events; Permission denied"), "Permission denied; m"),
        (tf.errors.DataLossError(None, None, "corrupted record"), "corrupted record; mend that"),
        (MemoryError(), "MemoryError; out of memory"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), "expected text in UTF-8"),
    ):
        assert exit_code(monkeypatch, raising(error)) == 2
        assert re.fullmatch(f"error: .*{told}.*\n", capsys.readouterr().err)
    with pytest.raises(tf.errors.InvalidArgumentError):
        exit_code(monkeypatch, raising(tf.errors.InvalidArgumentError(None, None, "shapes")))


def test_libraries_are_heard_when_they_fail_only():
    script = (
        "import logging; from ifgan_tf import cli\n"
        "def main(_):\n"
        "    for name in ('absl', 'fontTools.subset', 'matplotlib'):\n"
        "        logging.getLogger(name).info('subsetting'), logging.getLogger(name).warning('building a cache')\n"
        "    logging.getLogger('fontTools').error('no font')\n"
        "    logging.info('epoch 1'), logging.warning('careful')\n"
        "cli.run(main, '')"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.stderr == "no font\nepoch 1\ncareful\n"


def test_a_reader_who_has_seen_enough_ends_it_quietly():
    script = "from ifgan_tf import cli; cli.run(lambda _: [print('line') for _ in range(99999)] and None, '')"
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as done:
        assert done.stdout and done.stderr and done.stdout.readline() == "line\n"
        done.stdout.close()
        assert (done.stderr.read(), done.wait()) == ("", 141)


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


def test_flag_files_name_others_beside_them_from_any_folder(monkeypatch, tmp_path):
    (tmp_path / "flags").mkdir()
    (tmp_path / "flags" / "outer.flags").write_text(
        "# größer\n--flagfile=flags/inner.flags\n--b=~/x\n", encoding="utf-8"
    )
    (tmp_path / "flags" / "inner.flags").write_text("--a=1\n\n// no flag\n")
    monkeypatch.setenv("HOME", "/home/somebody")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    asked = [f"--flagfile={tmp_path / 'flags' / 'outer.flags'}", "--c=~/a,~/b", "--e", "~/e", "plain~", "--", "--d=~"]
    assert cli.expanded(asked) == [
        "--a=1",
        "--b=/home/somebody/x",
        "--c=/home/somebody/a,/home/somebody/b",
        "--e",
        "/home/somebody/e",
        "plain~",
        "--",
        "--d=~",
    ]
    assert cli.expanded(["-flagfile", "../flags/inner.flags"]) == ["--a=1"]


@pytest.mark.parametrize(
    ("content", "message"), [(None, "No such file"), (b"\xff\xfe", "no text"), (b"--flagfile=a.flags", "names itself")]
)
def test_flag_files_that_are_none(tmp_path, content, message):
    if content is not None:
        (tmp_path / "a.flags").write_bytes(content)
    with pytest.raises(UserError, match=message):
        cli.expanded([f"--flagfile={tmp_path / 'a.flags'}"])


def test_presets_are_plain_text_and_parse_from_anywhere(tmp_path):
    presets = sorted((ROOT / "flags").glob("*.flags"))
    assert all(preset.read_bytes().isascii() for preset in presets)
    narrow = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for preset in ("demo", "bu_3dfe_small"):
        done = subprocess.run(
            [
                sys.executable,
                ROOT / "train.py",
                f"--flagfile={ROOT / 'flags' / preset}.flags",
                "--workdir=w",
                "--fold=99",
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env=narrow,
        )
        assert done.returncode == 2 and "--fold=99: expected 0 to 9" in done.stderr


def test_names_that_a_narrow_locale_cannot_print(tmp_path):
    script = (
        "from ifgan_tf import cli\n"
        "from ifgan_tf.errors import UserError\n"
        "def main(_):\n"
        "    print('ü\\udce9')\n"
        "    raise UserError('ü\\udce9')\n"
        "cli.run(main, '')"
    )
    narrow = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, env=narrow)
    assert (done.returncode, done.stdout) == (2, "\\xfc\\udce9\n")
    assert done.stderr == "error: \\xfc\\udce9\n"


def test_terminated_is_143_and_what_is_open_is_closed(tmp_path):
    script = (
        "import contextlib, os, signal, sys; from ifgan_tf import cli\n"
        "def main(_):\n"
        "    with contextlib.ExitStack() as stack:\n"
        "        stack.callback(print, 'closed')\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "cli.run(main, '')"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    told = "terminated: what was finished is kept; the same command goes on from there\n"
    assert (done.returncode, done.stdout, done.stderr) == (143, "closed\n", told)


@pytest.mark.parametrize("code", [errno.EIO, errno.ENAMETOOLONG, errno.EISDIR, errno.EMFILE])
def test_other_trouble_with_files_is_one_line_too(monkeypatch, capsys, code):
    assert exit_code(monkeypatch, raising(OSError(code, os.strerror(code), "a/file"))) == 2
    assert capsys.readouterr().err.startswith(f"error: a/file: {os.strerror(code)}; ")
