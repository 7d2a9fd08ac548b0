"""Average faces (paper §4.3): the mean of all training images of a label, which G learns to draw."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ifgan_tf import files, labels
from ifgan_tf.data.images import encode_png
from ifgan_tf.errors import UserError
from ifgan_tf.faces.geometry import resize


def average_faces(images: Iterable[tuple[np.ndarray, int]], num_classes: int) -> np.ndarray:
    """The mean image of every label, accumulated in float64.

    Args:
      images: pairs of an aligned face, uint8 [H, W, 3] (all of one shape), and its label.
      num_classes: number of labels.
    Returns:
      uint8 [num_classes, H, W, 3], rounded to the nearest.

    Raises:
      UserError: when a label has no image.
    """
    sums: list[np.ndarray | None] = [None] * num_classes
    counts = np.zeros(num_classes, np.int64)
    for image, label in images:
        total = sums[label]
        sums[label] = image.astype(np.float64) if total is None else total + image
        counts[label] += 1
    means = []
    for label, total in enumerate(sums):
        if total is None:
            raise UserError(
                f"no training image of {labels.EXPRESSIONS[label]}: its average face cannot be made; "
                f"check the data set with python -m datasets.check, or leave the class out with --num_classes"
            )
        means.append(np.rint(total / counts[label]).astype(np.uint8))
    return np.stack(means)


def save(faces: np.ndarray, folder: Path) -> None:
    """Writes `<folder>/<label>.png` for every class, each beside first and then renamed.

    Args:
      faces: uint8 [classes, H, W, 3], RGB, in label order.
      folder: made when missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, face in zip(labels.EXPRESSIONS, faces, strict=False):
        files.write_bytes(folder / f"{name}.png", encode_png(face))


def at_size(faces: np.ndarray, side: int) -> np.ndarray:
    """Average faces resampled as the photos are: uint8 [classes, H, W, 3] → [classes, side, side, 3]."""
    return np.stack([resize(face, side) for face in faces])
