"""Listing a copy: junk, archives, damage, folders that are far too large."""

import pathlib
import stat
import tempfile
import zipfile

import numpy as np
import pytest

from datasets import user_copy
from datasets.user_copy import list_files, unique
from ifgan_tf.data.images import encode_png
from ifgan_tf.errors import UserError

PICTURE = encode_png(np.full((4, 4, 3), (200, 10, 20), np.uint8))


def test_lists_in_order_without_junk(tmp_path):
    for name in ("b/2.png", "b/1.png", "a.txt", "b/.DS_Store", "__MACOSX/b/._1.png", ".git/x"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PICTURE)
    found, problems = list_files(tmp_path)
    assert [file.source for file in found] == ["a.txt", "b/1.png", "b/2.png"]
    assert (found[1].name, found[1].folder) == ("1.png", "b")
    assert problems == []


def test_reads_inside_archives_where_they_lie(tmp_path):
    with zipfile.ZipFile(tmp_path / "Bilder ä.ZIP", "w") as archive:
        archive.writestr("f/1.png", PICTURE)
        archive.writestr("__MACOSX/f/._1.png", b"junk")
    found, _ = list_files(tmp_path)
    assert [file.source for file in found] == ["Bilder ä.ZIP", "Bilder ä.ZIP/f/1.png"]
    np.testing.assert_array_equal(found[1].image()[0, 0], (200, 10, 20))
    with found[1].on_disk() as path:
        assert path.endswith("1.png") and pathlib.Path(path).read_bytes() == PICTURE


def test_an_archive_that_is_cut_off_is_named_with_its_remedy(tmp_path):
    archive = tmp_path / "images.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("1.png", PICTURE * 10)
    archive.write_bytes(archive.read_bytes()[:-30])
    _, problems = list_files(tmp_path)
    assert [problem.file for problem in problems] == ["images.zip"]
    assert "not a complete ZIP archive" in problems[0].found and "download it again" in problems[0].remedy


def test_an_archive_that_is_a_link_to_nothing_is_named(tmp_path):
    (tmp_path / "src.zip").symlink_to(tmp_path / "gone.zip")
    _, problems = list_files(tmp_path)
    assert [str(problem) for problem in problems] == [
        "src.zip: cannot be read (No such file or directory); copy it again, or remove it"
    ]


def test_an_encrypted_archive_asks_for_the_password(tmp_path):
    archive = tmp_path / "aligned.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("1.png", PICTURE)
    data = bytearray(archive.read_bytes())
    for signature, flag in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.find(signature) + flag] |= 1
    archive.write_bytes(data)
    _, problems = list_files(tmp_path)
    assert "encrypted" in problems[0].found and "password" in problems[0].remedy


def test_a_damaged_member_is_named_when_read(tmp_path):
    archive = tmp_path / "images.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("1.png", PICTURE * 50)
    data = bytearray(archive.read_bytes())
    data[45:60] = bytes(15)
    archive.write_bytes(data)
    member = list_files(tmp_path)[0][1]
    with pytest.raises(UserError, match=r"images.zip/1.png: cannot be read"):
        member.read()


def test_a_folder_that_is_far_too_large_stops_soon(tmp_path, monkeypatch):
    monkeypatch.setattr(user_copy, "MAX_FILES", 10)
    for number in range(12):
        (tmp_path / f"{number}.txt").touch()
    with pytest.raises(UserError, match=f"--manual_dir={tmp_path}: more than 10 files"):
        list_files(tmp_path)


def test_a_link_to_its_own_parent_ends(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").write_bytes(PICTURE)
    (tmp_path / "a" / "again").symlink_to(tmp_path / "a")
    found, _ = list_files(tmp_path)
    assert found[0].source == "a/1.png" and len(found) < 12


@pytest.mark.parametrize("name", ["missing", "file.txt"])
def test_no_such_folder(tmp_path, name):
    (tmp_path / "file.txt").touch()
    with pytest.raises(UserError, match=r"--manual_dir=.*no such folder"):
        list_files(tmp_path / name)


def test_a_second_copy_on_disk_is_noted_and_one_in_an_archive_is_not(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.png").write_bytes(PICTURE)
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("1.png", PICTURE)
    found, _ = list_files(tmp_path)
    first, notes = unique((file.name, file) for file in found if file.name == "1.png")
    assert first["1.png"].source == "a/1.png"
    assert [(note.file, note.note) for note in notes] == [("b/1.png", True)]


def _link(name, target):
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return info, target


def test_nothing_in_an_archive_leaves_it(tmp_path):
    """Names that lead out of a folder, links and devices: read in memory, or under their last name in a folder for
    the time being."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.png").write_bytes(b"secret")
    (tmp_path / "copy").mkdir()
    names = ["../../outside/a.png", f"{outside}/b.png", "..\\c.png", "a/../../d.png"]
    names += ["CON.png", "e.png", "E.PNG", "\u00e9.png", "e\u0301.png"]
    device = zipfile.ZipInfo("device.png")
    device.create_system, device.external_attr = 3, (stat.S_IFCHR | 0o666) << 16
    with zipfile.ZipFile(tmp_path / "copy" / "a.zip", "w") as archive:
        for name in names:
            archive.writestr(name, PICTURE)
        archive.writestr(*_link("link.png", str(outside / "secret.png")))
        archive.writestr(device, b"no device")
    before = sorted(tmp_path.rglob("*"))
    found, problems = list_files(tmp_path / "copy")
    inside = {file.member: file for file in found if file.member}
    assert problems == [] and "link.png" in inside
    assert inside["link.png"].read() == str(outside / "secret.png").encode()  # the link's text, not what it leads to
    for file in inside.values():
        with file.on_disk() as path:
            placed = pathlib.Path(path)
            assert placed.is_file() and not placed.is_symlink()
            assert placed.parent.resolve().parent == pathlib.Path(tempfile.gettempdir()).resolve()
        assert not placed.exists()
    assert sorted(tmp_path.rglob("*")) == before


def test_a_member_that_unpacks_to_more_than_any_picture_is_refused(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", bytes(10_000_000))
    monkeypatch.setattr(user_copy, "MAX_FILE_BYTES", 1_000_000)
    (_, bomb), _ = list_files(tmp_path)
    assert (tmp_path / "a.zip").stat().st_size < 20_000
    with pytest.raises(UserError, match=r"bomb\.png: cannot be read \(10,000,000 bytes; expected at most 1,000,000\)"):
        bomb.image()


def test_a_member_that_is_larger_than_its_archive_says(tmp_path):
    """What is unpacked is bounded by the table of contents, by which it was judged."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", bytes(10_000_000))
    data = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(data.replace((10_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little")))
    user_copy._archive.cache_clear()
    (_, bomb), _ = list_files(tmp_path)
    with pytest.raises(UserError, match=r"bomb\.png: cannot be read"):
        bomb.image()
