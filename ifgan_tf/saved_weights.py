"""Which checkpoints a folder holds, told by their files: TensorFlow's record of them can be cut short like any file."""

from __future__ import annotations

import shutil
from pathlib import Path

from ifgan_tf import files
from ifgan_tf.errors import UserError

_RECORD = "checkpoint"


def latest(folder: Path) -> Path | None:
    """The newest checkpoint in a folder, by the name that TensorFlow restores it by; None before the first is saved.

    Raises:
      UserError: when one was saved and its index is lost.
    """
    if names := _names(folder):
        return files.plain(folder) / names[-1]
    if (folder / _RECORD).exists():
        raise UserError(
            f"{folder}: damaged, it holds the record of a checkpoint and no index of one (ckpt-N.index); put a copy of "
            f"the folder back, or train into a new --workdir"
        )
    return None


def number(checkpoint: Path) -> int:
    """The number in a checkpoint's name, which in training is that of epochs."""
    return int(checkpoint.name.rpartition("-")[2])


def mend(folder: Path) -> None:
    """Clears away what a save left that was cut short, and writes the record anew: a CheckpointManager trusts it.

    Raises:
      UserError: see `latest`.
    """
    for half in folder.glob("ckpt-*_temp"):
        shutil.rmtree(half, ignore_errors=True)
    if (newest := latest(folder)) is not None:
        lines = [f'model_checkpoint_path: "{newest.name}"']
        for name in _names(folder):
            written = (folder / f"{name}.index").stat().st_mtime
            lines += [f'all_model_checkpoint_paths: "{name}"', f"all_model_checkpoint_timestamps: {written}"]
        files.write_text(folder / _RECORD, "\n".join(lines) + "\n")


def _names(folder: Path) -> list[str]:
    """Of the checkpoints, oldest first. TensorFlow writes the index last: where there is one, all of it was written."""
    found = [Path(path.stem) for path in folder.glob("ckpt-*.index") if path.stem.rpartition("-")[2].isdecimal()]
    return [path.name for path in sorted(found, key=number)]
