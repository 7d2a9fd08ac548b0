"""Sets that are decoded into a file: once, again when they are not what they were, and never halfway."""

from __future__ import annotations

import os
import shutil
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

from ifgan_tf.data.decoded import decoded, fingerprint_of
from ifgan_tf.errors import UserError

NOISE = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)
COLUMNS = {"labels": np.arange(5), "sources": np.array(list("abcde"))}


class Decoding:
    """Decodes `NOISE` and counts how often."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, keep):
        self.times += 1
        for number, image in enumerate(NOISE):
            keep(number, image)
        return COLUMNS


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "decoded_8"


def read(folder, decode, fingerprint="one"):
    file, columns = decoded(folder, fingerprint, 8, len(NOISE), decode)
    np.testing.assert_array_equal([file[row] for row in range(len(NOISE))], NOISE)
    assert columns.keys() == COLUMNS.keys()
    for name, column in COLUMNS.items():
        np.testing.assert_array_equal(columns[name], column)


def test_a_set_is_decoded_once(folder):
    decode = Decoding()
    read(folder, decode)
    read(folder, decode)
    assert decode.times == 1
    assert {path.name for path in folder.iterdir()} - {".lock"} == {"pixels.uint8", "table.npz"}


def test_another_set_in_the_same_place_is_decoded_anew(folder):
    decode = Decoding()
    read(folder, decode, "one")
    read(folder, decode, "other")
    assert decode.times == 2


def shorten(folder):
    with (folder / "pixels.uint8").open("r+b") as file:
        file.truncate(100)


def with_column(folder, **columns):
    with np.load(folder / "table.npz") as table:
        np.savez(folder / "table.npz", **{**table, **columns})


DAMAGES = {
    "no pixels": lambda folder: (folder / "pixels.uint8").unlink(),
    "too few": shorten,
    "no table": lambda folder: (folder / "table.npz").unlink(),
    "an empty table": lambda folder: (folder / "table.npz").write_bytes(b""),
    "half a table": lambda folder: (folder / "table.npz").write_bytes((folder / "table.npz").read_bytes()[:300]),
    "no archive": lambda folder: (folder / "table.npz").write_bytes(b"nonsense" * 99),
    "a short column": lambda folder: with_column(folder, labels=np.arange(4)),
    "a pickle": lambda folder: np.savez(folder / "table.npz", fingerprint=np.array({}, object)),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_what_is_damaged_is_decoded_anew(folder, damage):
    decode = Decoding()
    read(folder, decode)
    damage(folder)
    read(folder, decode)
    assert decode.times == 2


def test_one_that_was_stopped_leaves_nothing_that_counts(folder):
    decode = Decoding()

    def stop(keep):
        keep(0, NOISE[0])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        decoded(folder, "one", 8, len(NOISE), stop)
    (folder / "unfinished_pixels.uint8").write_bytes(b"of one that was killed" * 99)
    read(folder, decode)
    assert decode.times == 1 and not list(folder.glob("unfinished*"))


def test_a_full_disk_is_told_before_the_work(folder, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 9, 1))
    decode = Decoding()
    with pytest.raises(UserError, match=r"decoded_8: cannot be written \(No space left on device\); .* --cache_gb"):
        decoded(folder, "one", 8, len(NOISE), decode)
    assert not decode.times


def test_a_disk_that_fills_meanwhile_is_told_and_left_as_it_was(folder, monkeypatch):
    def full(_):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"cannot be written \(No space left on device\)"):
        decoded(folder, "one", 8, len(NOISE), Decoding())
    assert {path.name for path in folder.iterdir()} <= {".lock"}


def test_a_folder_in_which_nothing_can_be_made_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UserError, match=r"file/decoded_8: cannot be written \(Not a directory\)"):
        decoded(tmp_path / "file" / "decoded_8", "one", 8, len(NOISE), Decoding())


def test_a_fingerprint_is_of_the_description_and_the_files(tmp_path):
    (tmp_path / "dataset_info.json").write_text("{}")
    records = tmp_path / "set-train.tfrecord-00000-of-00001"
    records.write_bytes(b"12345")
    seen = [fingerprint_of(tmp_path)]
    (tmp_path / "decoded_8").mkdir()
    assert fingerprint_of(tmp_path) == seen[0]
    os.utime(records, (0, 0))
    seen.append(fingerprint_of(tmp_path))
    records.write_bytes(b"123456")
    os.utime(records, (0, 0))
    seen.append(fingerprint_of(tmp_path))
    (tmp_path / "dataset_info.json").write_text('{"version": "2"}')
    seen.append(fingerprint_of(tmp_path))
    assert len(set(seen)) == 4
