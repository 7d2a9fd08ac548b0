"""Average faces (paper §4.3): the mean of all training images of a label, which G learns to draw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ifgan_tf import files
from ifgan_tf.data.images import encode_png
from ifgan_tf.errors import UserError
from ifgan_tf.faces.geometry import resize

MIN_GRADED = 10  # images that an average face of one grade is of: a mean of fewer would still be somebody


def average_faces(images: Iterable[tuple[np.ndarray, int, int]], classes: Sequence[str]) -> dict[str, np.ndarray]:
    """The mean image of every label, and of every label and grade of intensity, accumulated in float64.

    Args:
      images: of each an aligned face, uint8 [H, W, 3] (all of one shape), its label, and its grade; 0 for none.
      classes: the labels' names.
    Returns:
      `anger_3` → uint8 [H, W, 3], rounded to the nearest, of every grade with `MIN_GRADED` images, and then `anger` of
      every class.

    Raises:
      UserError: when a label has no image.
    """
    sums: dict[str, np.ndarray] = {}
    counts = Counter[str]()
    for image, label, grade in images:
        for name in [classes[label], *([graded_name(classes[label], grade)] if grade else [])]:
            sums[name] = sums[name] + image if name in sums else image.astype(np.float64)
            counts[name] += 1
    for name in classes:
        if name not in sums:
            raise UserError(
                f"no training image of {name} in a posed set: its average face cannot be made; check the data set "
                f"with python -m datasets.check, add a posed set that has it to --additional_data, or leave the class "
                f"out with --classes"
            )
    graded = [name for name in sums if name not in classes and counts[name] >= MIN_GRADED]
    return {name: np.rint(sums[name] / counts[name]).astype(np.uint8) for name in [*graded, *classes]}


def graded_name(name: str, grade: int) -> str:
    """What the average face of a class at one grade of intensity, 1 to 4, is called."""
    return f"{name}_{grade}"


def save(faces: Mapping[str, np.ndarray], folder: Path) -> None:
    """Writes `<folder>/<name>.png` in their order, each beside first and then renamed.

    A folder that has the faces of all classes is whole, as these come last.

    Args:
      faces: uint8 [H, W, 3], RGB, by name.
      folder: made when missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, face in faces.items():
        files.write_bytes(folder / f"{name}.png", encode_png(face))


def at_size(faces: np.ndarray, side: int) -> np.ndarray:
    """Average faces resampled as the photos are: uint8 [classes, H, W, 3] → [classes, side, side, 3]."""
    return np.stack([resize(face, side) for face in faces])
