from pathlib import Path

import pytest

from ifgan_tf import files


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
