"""How every export is written."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ifgan_tf import files
from ifgan_tf.errors import UserError

if TYPE_CHECKING:
    import keras


def without_average_face(model: keras.Model) -> keras.Model:
    """The same networks, giving `probabilities` alone."""
    import keras

    return keras.Model(model.input, {"probabilities": model.output["probabilities"]}, name=model.name)


@contextlib.contextmanager
def written(path: Path) -> Iterator[Path]:
    """`files.written_beside` in a folder that is made when missing.

    Raises:
      UserError: when it cannot be written (no permission, a full disk).
    """
    import tensorflow as tf

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.written_beside(path) as beside:
            yield beside
    except (OSError, tf.errors.OpError) as error:
        reason = error.strerror if isinstance(error, OSError) else error.message
        raise UserError(
            f"--output: {path} cannot be written ({reason}); expected a folder with room and permission"
        ) from None
