"""What every export reads of a run folder, and how it writes."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ifgan_tf.errors import UserError
from ifgan_tf.run_folder import RunFolder, fold_folders

if TYPE_CHECKING:
    import keras


def open_run(workdir: str) -> RunFolder:
    """The one run of `--workdir`.

    Raises:
      UserError: when there is none, or it holds the folds of `--fold=all`.
    """
    if not workdir:
        raise UserError("--workdir is missing; expected a run folder made by train.py --workdir=…")
    folders = fold_folders(Path(workdir))
    if len(folders) > 1:
        raise UserError(f"--workdir={workdir}: holds {len(folders)} folds; name one, as --workdir={folders[0].path}")
    return folders[0]


def inference_model(run: RunFolder) -> keras.Model:
    """The best G and E of a run as one model."""
    return run.inference()


def without_average_face(model: keras.Model) -> keras.Model:
    """The same networks, giving `probabilities` alone."""
    import keras

    return keras.Model(model.input, {"probabilities": model.output["probabilities"]}, name=model.name)


@contextlib.contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """Where to write what is to become `path`, a file or a folder: renamed when the block ends, removed if it fails.

    Raises:
      UserError: when it cannot be written (no permission, a full disk).
    """
    import tensorflow as tf

    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        beside.replace(path)
    except (OSError, tf.errors.OpError) as error:
        reason = error.strerror if isinstance(error, OSError) else error.message
        raise UserError(
            f"--output: {path} cannot be written ({reason}); expected a folder with room and permission"
        ) from None
    finally:
        if beside.is_dir():
            shutil.rmtree(beside, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
