"""Copies of pictures and videos, written beside and renamed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ifgan_tf.recognition.media import Source


class VideoCopy:
    """An MP4 that grows frame by frame and appears under its name when it is closed."""

    def __init__(self, source: Source, target: Path, shape: tuple[int, ...], rate: float) -> None:
        self.source, self._target, self._size = source, target, (shape[1], shape[0])
        target.parent.mkdir(parents=True, exist_ok=True)
        self._beside = target.with_name(f".{target.name}")
        self._writer = cv2.VideoWriter(str(self._beside), cv2.VideoWriter.fourcc(*"mp4v"), rate, self._size)
        if not self._writer.isOpened():
            raise OSError(None, "OpenCV cannot write this video", str(target))

    def write(self, image: np.ndarray) -> None:
        if (image.shape[1], image.shape[0]) != self._size:  # some videos change size on the way
            image = cv2.resize(image, self._size, interpolation=cv2.INTER_AREA)
        self._writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        self._writer.release()
        if self._beside.exists():
            self._beside.replace(self._target)


def write_image(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path = named(path, (".png", ".jpg", ".jpeg"))
    beside = path.with_name(f".{path.name}")
    with beside.open("wb") as file:
        Image.fromarray(image).save(file, format="PNG" if path.suffix.lower() == ".png" else "JPEG", quality=92)
    beside.replace(path)


def named(path: Path, suffixes: Sequence[str]) -> Path:
    """The path itself if it has one of the suffixes, else with the first of them added."""
    return path if path.suffix.lower() in suffixes else path.with_name(path.name + suffixes[0])
