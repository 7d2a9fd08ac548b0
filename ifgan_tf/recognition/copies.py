"""Copies of pictures and videos: written beside, renamed when they are whole."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ifgan_tf import files
from ifgan_tf.recognition.media import Source
from ifgan_tf.silence import native_silence

_LONGEST_NAME = 255  # bytes; what file systems allow
_LOWEST_RATE = 10.0
_LONGEST_PAUSE_S = 60
_MOST_REPEATED = 3600  # of one frame, that minute at 60 a second: some videos claim a thousand a second


class VideoCopy:
    """A WebM (VP8, which every browser plays) that grows frame by frame and appears under its name when it is closed.

    A WebM of OpenCV has a constant rate: a frame is repeated until the next one's time comes, at most for a minute.

    Args:
      source: what is copied.
      target: the copy.
      shape: of the frames, [H, W, 3].
      rate: frames a second of the source, on average.
    """

    def __init__(self, source: Source, target: Path, shape: tuple[int, ...], rate: float) -> None:
        self.source, self._target, self._size = source, target, (shape[1], shape[0])
        self._rate, self._written = max(rate, _LOWEST_RATE), 0
        self._last: np.ndarray | None = None
        target.parent.mkdir(parents=True, exist_ok=True)
        self._beside = files.beside_of(target)
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(files.plain_name(target.parent))
            beside, code = str(Path(folder) / self._beside.name), cv2.VideoWriter.fourcc(*"VP80")
            with native_silence():  # of a tag that WebM has no place for
                self._writer = cv2.VideoWriter(beside, cv2.CAP_FFMPEG, code, self._rate, self._size)
            if not self._writer.isOpened():
                raise OSError(None, f"OpenCV writes no video of {shape[1]} x {shape[0]} pixels", str(target))
            self._folder = stack.pop_all()

    def write(self, image: np.ndarray, time_s: float) -> None:
        """Adds a frame, uint8 RGB [H, W, 3], shown from `time_s` on."""
        if (image.shape[1], image.shape[0]) != self._size:  # some videos change size on the way
            image = cv2.resize(image, self._size, interpolation=cv2.INTER_AREA)
        longest = min(round(_LONGEST_PAUSE_S * self._rate), _MOST_REPEATED)
        due = min(round(time_s * self._rate), self._written + longest)
        while self._last is not None and self._written < due:
            self._add(self._last)
        self._last = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        self._add(self._last)

    def _add(self, image: np.ndarray) -> None:
        self._writer.write(image)
        self._written += 1

    def close(self) -> None:
        """Ends the video and gives it its name."""
        self._writer.release()
        self._folder.close()
        if self._beside.exists():
            self._beside.replace(self._target)


def write_image(path: Path, image: np.ndarray) -> Path:
    """Writes uint8 RGB [H, W, 3]: as JPEG under such a name, else as PNG, under that suffix; returns where it lies."""
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        path = path.with_suffix(".png")
    path = fitting(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.written_beside(path) as beside, beside.open("wb") as file:
        Image.fromarray(image).save(file, format="PNG" if path.suffix.lower() == ".png" else "JPEG", quality=92)
    return path


def fitting(path: Path) -> Path:
    """The path, its name UTF-8 in any locale and cut to what a file system takes.

    A mark of the whole name keeps one that is cut apart from others.
    """
    name = files.printable(path.name)
    if len(name.encode()) > _LONGEST_NAME:
        mark = f"_{hashlib.sha256(name.encode()).hexdigest()[:8]}{Path(name).suffix}"
        name = name.encode()[: _LONGEST_NAME - len(mark.encode())].decode(errors="ignore") + mark
    return path.with_name(os.fsdecode(name.encode()))
