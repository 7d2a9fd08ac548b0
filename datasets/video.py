"""Frames of a video by OpenCV, RGB, found by decoding in order: seeking is not exact in every container."""

from __future__ import annotations

import functools

import cv2
import numpy as np

from datasets.user_copy import DataFile
from ifgan_tf import files
from ifgan_tf.errors import UserError


def frame_count(file: DataFile) -> int:
    """The number of frames that decode.

    Raises:
      UserError: if the file is no video or has no frame.
    """
    with file.on_disk() as name, files.plain_name(name) as path:
        video = cv2.VideoCapture(path)
        frames = 0
        while video.isOpened() and video.grab():
            frames += 1
        video.release()
    if not frames:
        raise UserError(f"{file.source}: not a readable video; expected an AVI or MPEG file with at least one frame")
    return frames


def read_frame(file: DataFile, frame: int, wanted: tuple[int, ...]) -> np.ndarray:
    """Frame number `frame` (from 0) as uint8 RGB [H, W, 3]; one of those `wanted`, which are decoded in one go.

    Raises:
      UserError: if the video ends before it.
    """
    frames = _decode(file, wanted)
    if frame not in frames:
        raise UserError(f"{file.source}: no frame {frame}; the video ends before it or is damaged")
    return frames[frame]


@functools.lru_cache(maxsize=1)
def _decode(file: DataFile, wanted: tuple[int, ...]) -> dict[int, np.ndarray]:
    frames = {}
    with file.on_disk() as name, files.plain_name(name) as path:
        video = cv2.VideoCapture(path)
        for index in range(max(wanted) + 1):
            if not video.grab():
                break
            if index in wanted:
                decoded, image = video.retrieve()
                if decoded:
                    frames[index] = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        video.release()
    return frames
