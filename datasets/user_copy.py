"""The files of a user's copy, unpacked or still inside ZIP archives, listed once and read where they lie."""

from __future__ import annotations

import codecs
import contextlib
import dataclasses
import functools
import os
import pathlib
import stat
import tempfile
import zipfile
from collections.abc import Hashable, Iterable, Iterator
from typing import TypeVar

import numpy as np

from datasets.records import Problem
from ifgan_tf.data.images import MAX_FILE_BYTES, decode_image
from ifgan_tf.errors import UserError
from ifgan_tf.files import printable

_Key = TypeVar("_Key", bound=Hashable)

_MAX_DEPTH = 8
MAX_FILES = 400_000
# Far above the real ones (an MMI video, RAF-DB's label list): what is larger is something else, and fills the memory.
MAX_BYTES = 2 << 30
MAX_TEXT_BYTES = 4 << 20
AGAIN = "; unpack or copy it again"  # ends what is said of a file that cannot be read


@dataclasses.dataclass(frozen=True)
class DataFile:
    """A file of the copy.

    Attributes:
      source: its path relative to the manual folder, with "/"; an archive counts as a folder.
      path: the file on disk: itself, or the archive it is in.
      member: its name in the archive; empty for a file on disk.
    """

    source: str
    path: str
    member: str = ""

    @property
    def name(self) -> str:
        return self.source.rpartition("/")[2]

    @property
    def folder(self) -> str:
        return self.source.rpartition("/")[0]

    def read(self, limit: int = MAX_BYTES) -> bytes:
        """The file's bytes.

        Raises:
          UserError: naming the file, if it cannot be read, or is larger than `limit` bytes.
        """
        try:
            size = _archive(self.path).getinfo(self.member).file_size if self.member else _size(self.path)
            if size > limit:
                raise ValueError(f"{size:,} bytes; expected at most {limit:,}")
            return _archive(self.path).read(self.member) if self.member else pathlib.Path(self.path).read_bytes()
        except Exception as error:  # archives raise what their decoders raise
            raise UserError(f"{self.source}: cannot be read ({_reason(error)}){AGAIN}") from error

    def text(self) -> str:
        """The file as text in UTF-8, or UTF-16 with a byte order mark, with any line ends.

        Raises:
          UserError: naming the file, if it cannot be read or is no text.
        """
        data = self.read(MAX_TEXT_BYTES)
        encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError as error:
            found = f"byte {error.start} is not {error.encoding.upper()}: no text file, or a damaged one"
            raise UserError(f"{self.source}: cannot be read ({found}){AGAIN}") from error
        if "\0" in text:
            raise UserError(f"{self.source}: cannot be read (NUL bytes: no text file, or a damaged one){AGAIN}")
        return text

    def problem(self, error: Exception, remedy: str, note: bool = False) -> Problem:
        """What an error says about this file, without the file's name, and with this remedy in place of its own."""
        return Problem(self.source, str(error).removeprefix(f"{self.source}: ").removesuffix(AGAIN), remedy, note)

    def image(self) -> np.ndarray:
        """The file as an image, uint8 RGB [H, W, 3]; `DataFile.image` makes a record's `load`."""
        return decode_image(self.read(MAX_FILE_BYTES), name=self.source)

    @contextlib.contextmanager
    def on_disk(self) -> Iterator[str]:
        """A path for libraries that open files themselves (video): a copy for a while of what lies in an archive, or
        has a name that is not UTF-8.

        Raises:
          UserError: if there is no such file.
        """
        if not self.member and self.path == printable(self.path):
            try:
                _size(self.path)
            except (OSError, ValueError) as error:
                raise UserError(f"{self.source}: cannot be read ({_reason(error)}){AGAIN}") from error
            yield self.path
            return
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / self.name
            path.write_bytes(self.read())
            yield str(path)


def folder_path(flag: str, given: str) -> str:
    """A folder's absolute path, `~` expanded, for libraries that take paths in UTF-8 alone.

    Raises:
      UserError: naming the flag, when the path is not UTF-8 or its `~` is nobody's.
    """
    try:
        path = str(pathlib.Path(given).expanduser().absolute())
        path.encode()
    except UnicodeEncodeError:
        raise UserError(f"--{flag}={printable(given)}: not a name in UTF-8; rename the folder") from None
    except RuntimeError as error:
        raise UserError(f"--{flag}={given}: {error}; name the folder without ~") from None
    return path


def list_files(root: str | os.PathLike[str]) -> tuple[list[DataFile], list[Problem]]:
    """All files under `root`, those on disk before those in ZIP archives, each in sorted order.

    The junk that archives leave (`__MACOSX`, names that start with a dot) is left out. An archive that cannot be read
    is a problem, not the end. A folder called like a file (`list.txt`) is listed too, last: whoever looks for the file
    learns why it cannot be read.

    Raises:
      UserError: if `root` is no readable folder, or holds more than `MAX_FILES` entries: whoever points at a whole disk
        by mistake learns it soon.
    """
    root = pathlib.Path(root)
    files, problems = _on_disk(root)
    for archive in [file for file in files if file.name.lower().endswith(".zip")]:
        try:
            files += _in_archive(archive)
        except UserError as error:
            problems.append(Problem(archive.source, str(error), "unpack it with the password that its owners sent you"))
        except OSError as error:
            problems.append(
                Problem(archive.source, f"cannot be read ({_reason(error)})", "copy it again, or remove it")
            )
        except Exception as error:  # as many kinds as there are ways to damage a table of contents
            problems.append(
                Problem(
                    archive.source,
                    f"not a complete ZIP archive ({_reason(error)})",
                    "download it again (was it interrupted?)",
                )
            )
        if len(files) > MAX_FILES:
            raise _too_many(root)
    return files, problems


def listed(problems: list[Problem]) -> str:
    """The first few problems, to end an error message with."""
    return "".join(f"; {problem}" for problem in problems[:3])


def unique(keyed: Iterable[tuple[_Key, DataFile]]) -> tuple[dict[_Key, DataFile], list[Problem]]:
    """The first file for each key. A second one on disk is noted; one in an archive is a copy of what was unpacked."""
    found: dict[_Key, DataFile] = {}
    notes = []
    for key, file in keyed:
        if found.setdefault(key, file) is not file and not file.member:
            notes.append(
                Problem(file.source, "a second copy of something found before", "the first is used", note=True)
            )
    return found, notes


def _on_disk(root: pathlib.Path) -> tuple[list[DataFile], list[Problem]]:
    files: list[DataFile] = []
    called_like_files: list[DataFile] = []
    problems = []
    pending = [(root, "", 0)]
    visited = set()
    seen = 0
    while pending:
        folder, prefix, depth = pending.pop()
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in visited:  # a link to a folder of the copy, maybe to its own parent
                continue
            visited.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as iterator:
                entries = []
                for entry in iterator:
                    seen += 1
                    if seen > MAX_FILES:
                        raise _too_many(root)
                    if not _junk(entry.name):
                        entries.append(entry)
        except OSError as error:
            if folder == root:
                raise _not_listed(root, error) from error
            problems.append(Problem(prefix, f"cannot be listed ({error.strerror})", "make the folder readable"))
            continue
        folders = []
        for entry in sorted(entries, key=lambda entry: entry.name):
            file = DataFile(prefix + printable(entry.name), entry.path)
            if not _is_folder(entry):
                files.append(file)
                continue
            folders.append((pathlib.Path(entry.path), f"{file.source}/", depth + 1))
            if pathlib.PurePath(entry.name).suffix.lower() not in ("", ".zip"):
                called_like_files.append(file)
        if depth < _MAX_DEPTH:
            pending.extend(reversed(folders))
        elif folders:
            found = f"folders more than {_MAX_DEPTH} levels below the manual folder"
            problems.append(Problem(prefix, found, "they are not looked into; name a folder nearer to them", note=True))
    return files + called_like_files, problems


def _in_archive(archive: DataFile) -> list[DataFile]:
    members = [info for info in _archive(archive.path).infolist() if not info.is_dir()]
    if any(info.flag_bits & 1 for info in members):
        raise UserError("the ZIP archive is encrypted")
    return [
        DataFile(f"{archive.source}/{info.filename}", archive.path, info.filename)
        for info in sorted(members, key=lambda info: info.filename)
        if not any(_junk(part) for part in info.filename.split("/"))
    ]


@functools.lru_cache(maxsize=8)
def _archive(path: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that nobody may follow
        return False


def _not_listed(root: pathlib.Path, error: OSError) -> UserError:
    if isinstance(error, FileNotFoundError):
        found, remedy = "no such folder", "expected the folder with your copy of the data set"
    elif isinstance(error, NotADirectoryError):
        found, remedy = "no such folder, but a file", "expected the folder it lies in"
    else:
        found, remedy = f"cannot be listed ({error.strerror})", "make it readable"
    return UserError(f"--manual_dir={root}: {found}; {remedy}")


def _size(path: str) -> int:
    """Bytes of a file.

    Raises:
      OSError: if there is none.
      ValueError: if it is a folder, or something that might be read without end, as a pipe or a device.
    """
    status = pathlib.Path(path).stat()
    if stat.S_ISDIR(status.st_mode):
        raise ValueError("it is a folder")
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is a pipe, a socket or a device")
    return status.st_size


def _reason(error: Exception) -> str:
    """Why, without the path, which the message names already."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _junk(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _too_many(root: pathlib.Path) -> UserError:
    return UserError(f"--manual_dir={root}: more than {MAX_FILES:,} files; expected a folder with the data set alone")
