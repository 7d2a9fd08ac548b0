"""Frames of a video by OpenCV, RGB, found by decoding in order: seeking is not exact in every container."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator

import cv2
import numpy as np

from datasets.user_copy import DataFile
from ifgan_tf import files
from ifgan_tf.data.images import MAX_PIXELS
from ifgan_tf.errors import UserError


def frame_count(file: DataFile) -> int:
    """The number of frames that decode.

    Raises:
      UserError: if the file is no video or has no frame.
    """
    with _opened(file) as video:
        frames = 0
        while video.isOpened() and video.grab():
            frames += 1
    if not frames:
        raise _no_video(file)
    return frames


def sharpness(file: DataFile) -> list[float]:
    """How sharp each frame is, the variance of its grey image's Laplacian; -1 for one that does not decode.

    One frame at a time is in memory.

    Raises:
      UserError: if the file is no video or has no frame.
    """
    measured = []
    with _opened(file) as video:
        while video.isOpened() and video.grab():
            decoded, image = video.retrieve()
            if decoded:
                grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
                measured.append(float(cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S))[1][0, 0]) ** 2)
            else:
                measured.append(-1.0)
    if not measured:
        raise _no_video(file)
    return measured


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
    with _opened(file) as video:
        for index in range(max(wanted) + 1):
            if not video.grab():
                break
            if index in wanted:
                decoded, image = video.retrieve()
                if decoded:
                    frames[index] = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    return frames


@contextlib.contextmanager
def _opened(file: DataFile) -> Iterator[cv2.VideoCapture]:
    with file.on_disk() as name, files.plain_name(name) as path:
        if files.is_text(path):
            raise _no_video(file)
        video = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
        try:
            width, height = (int(video.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
            if width * height > MAX_PIXELS:
                raise UserError(f"{file.source}: frames of {width} x {height} pixels; expected {MAX_PIXELS:,} at most")
            yield video
        finally:
            video.release()


def _no_video(file: DataFile) -> UserError:
    return UserError(
        f"{file.source}: not a readable video; expected an AVI, MPEG, MP4 or Flash (FLV) file with at least one frame"
    )
