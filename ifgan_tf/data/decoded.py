"""Data sets that do not fit into memory: decoded once, into a file of pixels from which any image can be read."""

from __future__ import annotations

import errno
import io
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ifgan_tf import files
from ifgan_tf.data.pixels import DIGEST, ImageFile, digest
from ifgan_tf.errors import UserError

_PIXELS, _TABLE = "pixels.uint8", "table.npz"
_FINGERPRINT, _DIGESTS = "fingerprint", "digests"

Columns = dict[str, np.ndarray]
Keep = Callable[[int, np.ndarray], None]


def decoded(
    folder: Path, fingerprint: str, side: int, count: int, decode: Callable[[Keep], Columns]
) -> tuple[ImageFile, Columns]:
    """Opens what was decoded into a folder, or decodes it: one process alone, others wait for it.

    Args:
      folder: of the two files, made when missing: `pixels.uint8`, the images one behind the other, and `table.npz`,
        what is known of each.
      fingerprint: of what is decoded; files of another are written anew.
      side: W of the images.
      count: how many images there are, to see that the disk has room.
      decode: calls its argument with the number and the pixels, uint8 [W, W, 3], of every image in order, and returns
        columns of a value each.
    Returns:
      The images and their columns.

    Raises:
      UserError: when the folder cannot be written, or the disk is full.
    """
    try:
        found = _open(folder, fingerprint, side)
        if found is None:
            with files.only_one(folder, "a decoding of this data set", wait=True):
                found = _open(folder, fingerprint, side) or _write(folder, fingerprint, side, count, decode)
    except OSError as error:
        raise UserError(
            f"{folder}: cannot be written ({error.strerror}); images that do not fit --cache_gb are decoded into it, "
            f"{_gigabytes(count, side):.1f} GB: make room and make it writable, or pass a larger --cache_gb"
        ) from None
    return found


def fingerprint_of(folder: Path) -> str:
    """What tells a built data set from another in the same place: its description, and its files' sizes and times."""
    lines = [(folder / "dataset_info.json").read_text(encoding="utf-8")]
    for path in sorted(folder.glob("*.tfrecord*")):
        status = path.stat()
        lines.append(f"{path.name} {status.st_size} {status.st_mtime_ns}")
    return digest(np.frombuffer("\n".join(lines).encode(), np.uint8)).hex()


def _open(folder: Path, fingerprint: str, side: int) -> tuple[ImageFile, Columns] | None:
    """None of what is missing, damaged or of something else."""
    try:
        with np.load(folder / _TABLE, allow_pickle=False) as table:
            columns = dict(table)
        if str(columns.pop(_FINGERPRINT)) != fingerprint:
            return None
        images = ImageFile(folder / _PIXELS, columns.pop(_DIGESTS), side)
        whole = (folder / _PIXELS).stat().st_size == np.prod(images.shape)
        alike = all(len(column) == len(images.digests) for column in columns.values())
        return (images, columns) if whole and alike else None
    except FileNotFoundError:
        return None
    except Exception as error:  # a damaged archive raises anything
        logging.warning("%s: damaged (%s); the data set is decoded anew", folder, error)
        return None


def _write(
    folder: Path, fingerprint: str, side: int, count: int, decode: Callable[[Keep], Columns]
) -> tuple[ImageFile, Columns]:
    gigabytes = _gigabytes(count, side)
    logging.info("decoding %d images into %s, %.1f GB, for all runs at this size", count, folder, gigabytes)
    # Not `files.written_beside`: of a process that was killed nobody would remove the gigabytes. The lock is held.
    beside, digests = folder / f"unfinished_{_PIXELS}", []
    for name in (_TABLE, _PIXELS):
        (folder / name).unlink(missing_ok=True)
    try:
        if shutil.disk_usage(folder).free < gigabytes * 1e9:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with beside.open("wb") as file:

            def keep(_: int, image: np.ndarray) -> None:
                digests.append(digest(image))
                file.write(image.tobytes())

            columns = decode(keep)
            file.flush()
            os.fsync(file.fileno())  # a name that outlives a power cut must not be of empty pages
        beside.replace(folder / _PIXELS)
    finally:
        beside.unlink(missing_ok=True)
    known = np.frombuffer(b"".join(digests), np.uint8).reshape(-1, DIGEST)
    table, whole = io.BytesIO(), {**columns, _FINGERPRINT: np.array(fingerprint), _DIGESTS: known}
    np.savez(table, **whole)  # type: ignore[arg-type]  # NumPy's type says that every name is a flag
    files.write_bytes(folder / _TABLE, table.getvalue())
    return ImageFile(folder / _PIXELS, known, side), columns


def _gigabytes(count: int, side: int) -> float:
    return count * side * side * 3 / 1e9
