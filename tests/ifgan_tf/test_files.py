import contextlib
import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ifgan_tf import files
from ifgan_tf.errors import UserError


def test_new_content_replaces_the_old(tmp_path):
    path = files.write_text(tmp_path / "a.txt", "old")
    assert files.write_text(path, "neu: ü") == path
    assert path.read_text(encoding="utf-8") == "neu: ü"
    assert [one.name for one in tmp_path.iterdir()] == ["a.txt"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = files.write_text(tmp_path / "a.txt", "old")

    def full(self, content):
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        files.write_text(path, "new")
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    with pytest.raises(RuntimeError), files.written_beside(tmp_path / "1") as beside:
        beside.mkdir()
        (beside / "part").touch()
        raise RuntimeError
    assert not list(tmp_path.iterdir())
    with files.written_beside(tmp_path / "1") as beside:
        beside.mkdir()
        (beside / "part").touch()
        assert not (tmp_path / "1").exists()
    assert [one.relative_to(tmp_path).as_posix() for one in tmp_path.rglob("*")] == ["1", "1/part"]


def test_a_second_process_is_told_who_holds_the_folder(tmp_path):
    hold = (
        "import pathlib, sys\n"
        "from ifgan_tf import files\n"
        "with files.only_one(pathlib.Path(sys.argv[1]), 'a training'):\n"
        "    print('held', flush=True)\n"
        "    input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout and other.stdout.readline() == "held\n"
        with (
            pytest.raises(UserError, match="a training is going on there already"),
            files.only_one(tmp_path, "a training"),
        ):
            pass
        other.kill()  # however it ends, the lock goes with it
    with files.only_one(tmp_path, "a training"):
        pass


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch, code):
    """As a network share may be: a lock that outlives its process would be worse than none."""

    def flock(*args):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", flock)
    with (
        pytest.warns() if code == errno.ENOSYS else contextlib.nullcontext(),
        pytest.raises(UserError, match=r"its file system has no locks .*choose a folder on a local disk"),
        files.only_one(tmp_path, "a training"),
    ):
        pass


def test_no_more_is_read_than_a_file_may_have(tmp_path):
    path = files.write_text(tmp_path / "a.json", "[1, 2]")
    assert files.read_text(path, 6) == "[1, 2]" and files.read_json(path) == [1, 2]
    with pytest.raises(ValueError, match="more than 5 bytes"):
        files.read_text(path, 5)
    with pytest.raises(ValueError, match="more than 1,000 bytes"):
        files.read_bytes(Path("/dev/zero"), 1000)


@pytest.mark.parametrize("content", ["[" * 100_000, '{"a":' * 100_000, "{", "\udc80", "1" * 10_000])
def test_what_is_no_json_is_a_value_error(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(ValueError):
        files.read_json(tmp_path / "a.json")
