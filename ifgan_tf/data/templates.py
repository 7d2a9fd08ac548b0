"""The template that faces were aligned to, as it travels: from a built data set to a run, from there to its exports."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np

from ifgan_tf import files
from ifgan_tf.data.built_sets import open_builder
from ifgan_tf.errors import UserError
from ifgan_tf.faces.geometry import TEMPLATE, template_of

FILE = "template.json"


def points(template: np.ndarray) -> list[list[float]]:
    """A template, float [3, 2], as plain numbers: (x, y) of the image-left eye, the image-right eye, the nose tip."""
    return [[round(float(value), 3) for value in point] for point in template]


def save(template: np.ndarray, path: Path) -> None:
    """Writes a template, float [3, 2], as JSON, beside first and then renamed."""
    files.write_text(path, json.dumps(points(template)) + "\n")


def load(path: Path) -> np.ndarray:
    """The template in a file, float32 [3, 2].

    Where there is none, faces were aligned by this project before templates were kept, or by nobody: `TEMPLATE`.

    Raises:
      UserError: when it is damaged.
    """
    try:
        return template_of(files.read_json(path))
    except FileNotFoundError:
        return TEMPLATE
    except (OSError, ValueError, TypeError) as error:
        raise UserError(
            f"{path}: not a template ({error}); expected three points (x, y), of eyes and nose tip in a square of 256"
        ) from None


def of_built_set(dataset: str, data_dir: str) -> np.ndarray:
    """What the faces of a built data set (name, or name/configuration) were aligned to, float32 [3, 2].

    Raises:
      UserError: when the data set has not been built, or its template is damaged.
    """
    file = Path(open_builder(dataset, data_dir).data_dir) / FILE
    if not file.exists() and dataset.partition("/")[0] == "raf_db":
        logging.warning(
            "%s was built when its owners' crop was not yet measured: new photos will be aligned otherwise than its "
            "images are. Build it again: python -m datasets.build --dataset=raf_db --manual_dir=YOUR_COPY",
            file.parent,
        )
    return load(file)
