"""Files that are whole or not there, and folders that one process has to itself."""

from __future__ import annotations

import atexit
import contextlib
import errno
import functools
import glob
import json
import logging
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, SoftFileLock, Timeout

from ifgan_tf.errors import UserError

_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)  # what flock says where there is none
MAX_TEXT_BYTES = 256 << 20  # far above any text of ours: a larger one is something else, and fills the memory
_TEXT_START = 512  # no container of videos gets so far without a byte that no text has


def printable(path: str | os.PathLike[str]) -> str:
    """The path as text that any UTF-8 file can hold: bytes that are none become `\\xe9`, whatever the locale."""
    return os.fsencode(path).decode(errors="backslashreplace")


@contextlib.contextmanager
def plain_name(path: str | os.PathLike[str]) -> Iterator[str]:
    """An absolute path to the same place for native code, which takes UTF-8 alone (OpenCV dies of anything else).

    By a link where the path is no UTF-8.
    """
    raw = os.fsencode(os.path.abspath(path))  # noqa: PTH100 (links stay as they are)
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        name = ""
    if name:
        yield name
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / "link"
        link.symlink_to(os.fsdecode(raw))
        yield str(link)


def write_bytes(path: Path, content: bytes) -> Path:
    """Writes `content` to `path`, replacing what was there only once all of it is on the disk.

    Raises:
      OSError: when the disk is full or the folder cannot be written; `path` is then as it was.
    """
    try:
        with written_beside(path) as beside:
            beside.write_bytes(content)
    except OSError as error:
        error.filename = str(path)  # what the user knows; a full disk names no file at all
        raise
    return path


@contextlib.contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """Where to write what is to become `path`, a file or a folder: renamed when the block ends, removed if it fails."""
    beside = beside_of(path)
    try:
        yield beside
        beside.replace(path)
    finally:
        if beside.is_dir():
            shutil.rmtree(beside, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)


def beside_of(path: Path) -> Path:
    """Where to write what is to become `path`: in its folder, hidden, with its suffix, however long its name is."""
    return path.with_name(f".{os.getpid()}-{threading.get_ident()}{path.suffix}")


def read_bytes(path: Path, limit: int = MAX_TEXT_BYTES) -> bytes:
    """A file, if it is no larger than it can be.

    Raises:
      OSError: when it cannot be read.
      ValueError: when it has more than `limit` bytes, of which no more are read.
    """
    with path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"more than {limit:,} bytes")
    return data


def read_text(path: Path, limit: int = MAX_TEXT_BYTES) -> str:
    """`read_bytes` of text in UTF-8; also raises ValueError for what is none."""
    return read_bytes(path, limit).decode()


def read_json(path: Path, limit: int = MAX_TEXT_BYTES) -> Any:
    """What a JSON file holds.

    Raises:
      OSError, ValueError: see `read_bytes`; also for what is no JSON, or nested deeper than Python reads.
    """
    try:
        return json.loads(read_text(path, limit))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def objects(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object of what a JSON file holds, however deep: no deeper in calls than here."""
    pending = [tree]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            yield part
            pending += part.values()
        elif isinstance(part, list):
            pending += part


def is_text(path: str | os.PathLike[str]) -> bool:
    """Whether a file starts as text does; False for an empty one, and one that cannot be read.

    FFmpeg takes some texts for videos: lists of other files, which it then opens.
    """
    try:
        with Path(path).open("rb") as file:
            start = file.read(_TEXT_START)
    except (OSError, ValueError):
        return False
    return bool(start) and not any(byte < 32 and byte not in b"\t\n\f\r" for byte in start)


def write_text(path: Path, content: str) -> Path:
    """`write_bytes` of text in UTF-8."""
    return write_bytes(path, content.encode())


@functools.cache
def plain(folder: Path) -> Path:
    """The same folder under a name in which TensorFlow, which takes paths for patterns, finds none of `*`, `?`, `[`."""
    if not glob.has_magic(str(folder)):
        return folder
    links = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, links, ignore_errors=True)
    link = links / "folder"
    link.symlink_to(folder.absolute(), target_is_directory=True)
    return link


def writable(folder: Path) -> None:
    """Sees that files can be written into a folder, before the work that they are to hold; makes it when missing.

    Raises:
      OSError: when they cannot.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(folder / ".writable", b"").unlink()


@contextlib.contextmanager
def only_one(folder: Path, what: str, wait: bool = False) -> Iterator[None]:
    """Holds `folder` for this process alone; the lock goes when the process does, however it ends.

    Args:
      folder: made when missing; the lock is its file `.lock`.
      what: what the holder does, such as `a training`; a second process is told that its like is going on.
      wait: for the other's end, saying so, instead of giving up.

    Raises:
      UserError: when another process holds it, unless `wait`, or its file system knows no locks.
      OSError: when the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        if not wait:
            raise UserError(
                f"{folder}: {what} is going on there already; wait for its end, or choose another folder"
            ) from None
        logging.warning("%s: %s is going on there already; waiting for its end", folder, what)
        lock.acquire(poll_interval=0.5)
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in _NO_LOCKS:
            raise
        raise _no_locks(folder) from None
    try:
        if isinstance(lock, SoftFileLock):  # what FileLock has become there; it would outlive a killed process
            raise _no_locks(folder)
        yield
    finally:
        lock.release()


def _no_locks(folder: Path) -> UserError:
    return UserError(
        f"{folder}: its file system has no locks (flock), so that two processes could spoil each other's work there; "
        f"choose a folder on a local disk, or mount the share with locks"
    )
