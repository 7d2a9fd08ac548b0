"""Average faces (paper §4.3): the mean of all training images of a label, which G learns to draw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ifgan_tf import files
from ifgan_tf.data.images import encode_png
from ifgan_tf.errors import UserError
from ifgan_tf.faces.geometry import resize


def average_faces(images: Iterable[tuple[np.ndarray, int]], classes: Sequence[str]) -> np.ndarray:
    """The mean image of every label, accumulated in float64.

    Args:
      images: pairs of an aligned face, uint8 [H, W, 3] (all of one shape), and its label.
      classes: the labels' names.
    Returns:
      uint8 [classes, H, W, 3], rounded to the nearest.

    Raises:
      UserError: when a label has no image.
    """
    sums: list[np.ndarray | None] = [None] * len(classes)
    counts = np.zeros(len(classes), np.int64)
    for image, label in images:
        total = sums[label]
        sums[label] = image.astype(np.float64) if total is None else total + image
        counts[label] += 1
    means = []
    for label, total in enumerate(sums):
        if total is None:
            raise UserError(
                f"no training image of {classes[label]} in a posed set: its average face cannot be made; check the "
                f"data set with python -m datasets.check, add a posed set that has it to --additional_data, or leave "
                f"the class out with --classes"
            )
        means.append(np.rint(total / counts[label]).astype(np.uint8))
    return np.stack(means)


def save(faces: np.ndarray, classes: Sequence[str], folder: Path) -> None:
    """Writes `<folder>/<label>.png` for every class, each beside first and then renamed.

    Args:
      faces: uint8 [classes, H, W, 3], RGB.
      classes: their names.
      folder: made when missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, face in zip(classes, faces, strict=True):
        files.write_bytes(folder / f"{name}.png", encode_png(face))


def at_size(faces: np.ndarray, side: int) -> np.ndarray:
    """Average faces resampled as the photos are: uint8 [classes, H, W, 3] → [classes, side, side, 3]."""
    return np.stack([resize(face, side) for face in faces])
