"""The files of a user's copy, unpacked or still inside ZIP archives, listed once and read where they lie."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import pathlib
import tempfile
import zipfile
import zlib
from collections.abc import Hashable, Iterable, Iterator
from typing import TypeVar

import numpy as np

from datasets.records import Problem
from ifgan_tf.data.images import decode_image
from ifgan_tf.errors import UserError

_Key = TypeVar("_Key", bound=Hashable)

_MAX_DEPTH = 8
MAX_FILES = 400_000


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

    def read(self) -> bytes:
        """The file's bytes.

        Raises:
          UserError: naming the file, if it cannot be read.
        """
        try:
            return _archive(self.path).read(self.member) if self.member else pathlib.Path(self.path).read_bytes()
        except (OSError, RuntimeError, zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise UserError(f"{self.source}: cannot be read ({error}); unpack or copy it again") from error

    def text(self) -> str:
        """The file as text, with any line ends; bytes that are no UTF-8 are replaced."""
        return self.read().decode("utf-8-sig", errors="replace")

    def image(self) -> np.ndarray:
        """The file as an image, uint8 RGB [H, W, 3]; `DataFile.image` makes a record's `load`."""
        return decode_image(self.read(), name=self.source)

    @contextlib.contextmanager
    def on_disk(self) -> Iterator[str]:
        """A path for libraries that open files themselves (video); unpacked for a while if it is in an archive."""
        if not self.member:
            yield self.path
            return
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / self.name
            path.write_bytes(self.read())
            yield str(path)


def list_files(root: str | os.PathLike[str]) -> tuple[list[DataFile], list[Problem]]:
    """All files under `root`, those on disk before those in ZIP archives, each in sorted order.

    The junk that archives leave (`__MACOSX`, names that start with a dot) is left out. An archive that cannot be read
    is a problem, not the end.

    Raises:
      UserError: if `root` is no readable folder, or holds more than `MAX_FILES` entries: whoever points at a whole disk
        by mistake learns it soon.
    """
    root = pathlib.Path(root)
    if not root.is_dir():
        raise UserError(f"--manual_dir={root}: no such folder; expected the folder with your copy of the data set")
    files, problems = _on_disk(root)
    for archive in [file for file in files if file.name.lower().endswith(".zip")]:
        try:
            files += _in_archive(archive)
        except OSError as error:
            problems.append(
                Problem(archive.source, f"cannot be read ({error.strerror or error})", "copy it again, or remove it")
            )
        except zipfile.BadZipFile as error:
            problems.append(
                Problem(
                    archive.source, f"not a complete ZIP archive ({error})", "download it again (was it interrupted?)"
                )
            )
        except UserError as error:
            problems.append(Problem(archive.source, str(error), "unpack it with the password that its owners sent you"))
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
    problems = []
    pending = [(root, "", 0)]
    seen = 0
    while pending:
        folder, prefix, depth = pending.pop()
        try:
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
                raise UserError(
                    f"--manual_dir={root}: cannot be listed ({error.strerror}); make it readable"
                ) from error
            problems.append(Problem(prefix, f"cannot be listed ({error.strerror})", "make the folder readable"))
            continue
        folders = []
        for entry in sorted(entries, key=lambda entry: entry.name):
            if _is_folder(entry):
                folders.append((pathlib.Path(entry.path), f"{prefix}{entry.name}/", depth + 1))
            else:
                files.append(DataFile(prefix + entry.name, entry.path))
        if depth < _MAX_DEPTH:
            pending.extend(reversed(folders))
    return files, problems


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


def _junk(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _too_many(root: pathlib.Path) -> UserError:
    return UserError(f"--manual_dir={root}: more than {MAX_FILES:,} files; expected a folder with the data set alone")
