"""Pictures that a build has made, kept beside the data until it is complete: a killed build makes none twice."""

from __future__ import annotations

import functools
import hashlib
import io
import pathlib
import zipfile
from typing import Any, NamedTuple

import numpy as np

from datasets.synthetic_faces.picture import take_picture
from ifgan_tf import files
from ifgan_tf.data.images import decode_image, encode_png
from ifgan_tf.errors import UserError


class Kept(NamedTuple):
    """`image` uint8 RGB [S, S, 3] and its `truth`, see `picture.Picture.truth`."""

    image: np.ndarray
    truth: dict[str, Any]


@functools.cache
def version() -> str:
    """Of all that makes a picture: the code and the head model. Pictures of another version are never taken."""
    digest = hashlib.blake2b(digest_size=6)
    for file in sorted(pathlib.Path(__file__).parent.glob("*.[pn][yp]*")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def kept_picture(folder: pathlib.Path, subject: int, expression: str, take: int) -> Kept:
    """A picture of the data set from `folder`, where it is put if it is not there yet; see `picture.take_picture`."""
    file = folder / f"{subject:04d}_{expression}_{take}.npz"
    try:
        with np.load(io.BytesIO(file.read_bytes())) as known:
            truth = {name: known[name][()] for name in known.files if name != "png"}
            return Kept(decode_image(known["png"].tobytes(), str(file)), truth)
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, UserError):
        pass  # not there, or damaged: made anew
    picture = take_picture(subject, expression, take)
    stored = io.BytesIO()
    np.savez(stored, png=np.frombuffer(encode_png(picture.image), np.uint8), **picture.truth)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files.write_bytes(file, stored.getvalue())
    except OSError:
        pass  # no room to keep it: a killed build makes it again
    return Kept(picture.image, picture.truth)
