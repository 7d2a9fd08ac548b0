"""Where eyes and nose lie in images that their owners aligned in a way of their own: measured."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Sequence

import numpy as np

from datasets.alignment import aligned_faces
from datasets.records import FaceRecord
from ifgan_tf import progress as progress_lib
from ifgan_tf.faces.geometry import ALIGNED_SIZE

IMAGES = 400  # landmarks scatter by a few pixels from image to image, and their median by a twentieth of that


def measured_template(
    records: Sequence[FaceRecord], side: int, cache_path: str | os.PathLike[str]
) -> np.ndarray | None:
    """The template that brings photographs to the pose and size of aligned images.

    The median, over some of the images (the same whatever else is there), of what the face finder says of them that
    will look at photographs: a few false findings do not move it, and where the finder is off, it is off in both.

    Args:
      records: of the images.
      side: of the images, which are square.
      cache_path: see `aligned_faces`.

    Returns:
      float32 [3, 2]: eye centres and nose tip when the images are enlarged to 256x256; None if no face is found.
    """
    chosen = sorted(records, key=lambda record: hashlib.blake2b(record.key.encode(), digest_size=8).digest())[:IMAGES]
    bar = functools.partial(progress_lib.bar, total=len(chosen), desc="measuring where eyes and nose lie", unit="image")
    found = [face.detection.landmarks[:3] for face in bar(aligned_faces(chosen, cache_path)) if face.detection]
    if not found:
        return None
    points = np.median(np.stack(found), axis=0)
    return np.asarray((points + 0.5) * (ALIGNED_SIZE / side) - 0.5, np.float32)  # pixel centres stay pixel centres
