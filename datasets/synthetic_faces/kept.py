"""Pictures that a build has made, kept beside the data until it is complete: a killed build makes none twice."""

from __future__ import annotations

import io
import pathlib
from typing import NamedTuple

import numpy as np

from datasets.synthetic_faces.picture import take_picture
from ifgan_tf import files
from ifgan_tf.data.images import decode_image, encode_png


class Kept(NamedTuple):
    """`image` uint8 RGB [S, S, 3] and its true `landmarks` float32 [5, 2]."""

    image: np.ndarray
    landmarks: np.ndarray


def kept_picture(folder: pathlib.Path, subject: int, expression: str, take: int) -> Kept:
    """A picture of the data set from `folder`, where it is put if it is not there yet; see `picture.take_picture`."""
    file = folder / f"{subject:04d}_{expression}_{take}.npz"
    try:
        with np.load(io.BytesIO(file.read_bytes())) as known:
            return Kept(decode_image(known["png"].tobytes(), str(file)), known["landmarks"])
    except FileNotFoundError:
        picture = take_picture(subject, expression, take)
    stored = io.BytesIO()
    np.savez(stored, png=np.frombuffer(encode_png(picture.image), np.uint8), landmarks=picture.landmarks)
    folder.mkdir(parents=True, exist_ok=True)
    files.write_bytes(file, stored.getvalue())
    return Kept(picture.image, picture.landmarks)
