"""Which checkpoints a folder holds, told by their files: TensorFlow's record of them can be cut short like any file."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ifgan_tf import files
from ifgan_tf.errors import UserError

T = TypeVar("T")

_RECORD = "checkpoint"


def newest_first(folder: Path) -> list[Path]:
    """The checkpoints in a folder, by the names that TensorFlow restores them by; none before the first is saved.

    Raises:
      UserError: when one was saved and its index is lost, and there is no other.
    """
    if names := _names(folder):
        return [files.plain(folder) / name for name in reversed(names)]
    if (folder / _RECORD).exists():
        raise UserError(
            f"{folder}: damaged, it holds the record of a checkpoint and no index of one (ckpt-N.index); put a copy of "
            f"the folder back, or train into a new --workdir"
        )
    return []


def latest(folder: Path) -> Path | None:
    """The newest of them, or None; see `newest_first`."""
    return next(iter(newest_first(folder)), None)


def read_latest(folder: Path, read: Callable[[Path], T], errors: tuple[type[Exception], ...]) -> T | None:
    """What `read` makes of the newest of them, None where there is none.

    One that a training puts a newer in the place of meanwhile may be gone half read: then the newer one is read.

    Args:
      folder: of the checkpoints.
      read: takes one, by its name.
      errors: what it raises if the checkpoint is damaged, and so is this.

    Raises:
      UserError: see `newest_first`.
    """
    checkpoint = latest(folder)
    while checkpoint is not None:
        try:
            return read(checkpoint)
        except errors:
            before, checkpoint = checkpoint, latest(folder)
            if checkpoint == before:
                raise
    return None


def number(checkpoint: Path) -> int:
    """The number in a checkpoint's name: of `best` that of epochs, of `last` that of steps."""
    return int(checkpoint.name.rpartition("-")[2])


def lost(folder: Path) -> str | None:
    """The name of the checkpoint that the record calls the newest and that has no index any more, if that is so."""
    try:
        record = (folder / _RECORD).read_text(encoding="utf-8")
    except (OSError, UnicodeError):
        return None
    told = re.match(r'model_checkpoint_path: "(ckpt-\d+)"', record)
    return told[1] if told and told[1] not in _names(folder) else None


def mend(folder: Path) -> None:
    """Clears away what a save left that was cut short, and writes the record anew: a CheckpointManager trusts it.

    Raises:
      UserError: see `newest_first`.
    """
    newest = latest(folder)
    sweep(folder)
    if newest is not None:
        lines = [f'model_checkpoint_path: "{newest.name}"']
        for name in _names(folder):
            written = (folder / f"{name}.index").stat().st_mtime
            lines += [f'all_model_checkpoint_paths: "{name}"', f"all_model_checkpoint_timestamps: {written}"]
        files.write_text(folder / _RECORD, "\n".join(lines) + "\n")


def sweep(folder: Path) -> None:
    """Clears away what a save left that was cut short, or a removal: values without an index are of no use."""
    for half in folder.glob("ckpt-*_temp"):
        shutil.rmtree(half, ignore_errors=True)
    whole = _names(folder)
    for values in folder.glob("ckpt-*.data-*"):
        if values.name.partition(".data-")[0] not in whole:
            values.unlink(missing_ok=True)


def remove(checkpoint: Path) -> None:
    """Removes a checkpoint, its index first: without one the rest is swept away, whenever this is cut short."""
    folder, name = checkpoint.parent, checkpoint.name
    for part in (folder / f"{name}.index", *folder.glob(f"{name}.data-*")):
        part.unlink(missing_ok=True)


def _names(folder: Path) -> list[str]:
    """Of the checkpoints, oldest first. TensorFlow writes the index last: where there is one, all of it was written."""
    found = [Path(path.stem) for path in folder.glob("ckpt-*.index") if path.stem.rpartition("-")[2].isdecimal()]
    return [path.name for path in sorted(found, key=number)]
