"""Photographs, folders, globs, videos and cameras as one stream of frames, a frame in memory at a time."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ifgan_tf.data.images import read_image
from ifgan_tf.errors import UserError

IMAGE_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
VIDEO_SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv")

MAX_LOST_FRAMES = 1000  # of a video; some headers promise more frames than there can be


@dataclass(frozen=True)
class Source:
    """One input.

    Attributes:
      name: what a report calls it: the file as the user named it, or `camera:N`.
      relative: where a copy of it belongs below an output folder.
      is_video: many frames (a video or a camera), or one.
    """

    name: str
    relative: Path
    is_video: bool


@dataclass(frozen=True)
class Frame:
    """One picture of a source, or why there is none.

    Attributes:
      source: where it is from.
      number: of the frame, from 0.
      time_s: seconds from the start; 0 for a photograph.
      image: uint8 RGB [H, W, 3], upright; None where `error` says why.
      rate: frames a second of the video; 0 for a photograph.
    """

    source: Source
    number: int
    time_s: float
    image: np.ndarray | None
    error: str = ""
    rate: float = 0.0


def sources(inputs: Sequence[str]) -> list[Source]:
    """What the arguments of a command name.

    Args:
      inputs: files, folders (searched to the bottom for images and videos), globs, `camera:N`.

    Raises:
      UserError: for a folder or glob without pictures, or a file that is missing or of an unknown kind.
    """
    found: list[Source] = []
    for argument in inputs:
        path = Path(argument)
        if argument.startswith("camera:"):
            found.append(Source(argument, Path(argument.replace(":", "_")), True))
        elif path.is_dir():
            inside = sorted(file for file in path.rglob("*") if _known(file))
            if not inside:
                raise UserError(f"{argument}: no images or videos in this folder; expected files such as .jpg or .mp4")
            found += [_source(file, file.relative_to(path)) for file in inside]
        elif not path.exists() and glob.has_magic(argument):
            matches = sorted(Path(match) for match in glob.glob(argument, recursive=True))  # noqa: PTH207 (absolute patterns)
            inside = [match for match in matches if _known(match)]
            if not inside:
                raise UserError(f"{argument}: matches no image and no video")
            found += [_source(file, Path(file.name)) for file in inside]
        else:
            found.append(_source(path, Path(path.name)))
    return _distinct(found)


def frames(source: Source) -> Iterator[Frame]:
    """The frames of a source, one after the other; what cannot be read is a frame with an error."""
    if source.is_video:
        yield from _video_frames(source)
        return
    try:
        yield Frame(source, 0, 0.0, read_image(source.name))
    except UserError as error:
        yield Frame(source, 0, 0.0, None, str(error))


def frame_count(source: Source) -> int:
    """How many frames to expect; 0 for a camera, and for a video that does not say."""
    if not source.is_video:
        return 1
    if source.name.startswith("camera:"):
        return 0
    capture = cv2.VideoCapture(source.name)
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    capture.release()
    return max(0, int(count)) if np.isfinite(count) else 0


def _video_frames(source: Source) -> Iterator[Frame]:
    camera = source.name.removeprefix("camera:")
    capture = cv2.VideoCapture(int(camera) if source.name.startswith("camera:") else source.name)
    try:
        rate = capture.get(cv2.CAP_PROP_FPS)
        rate = rate if np.isfinite(rate) and rate > 0 else 25.0
        expected, number = frame_count(source), 0
        lost: list[int] = []
        while capture.isOpened():
            there, frame = capture.read()
            if there:
                yield Frame(source, number, number / rate, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), rate=rate)
            elif number < expected and len(lost) < MAX_LOST_FRAMES:
                lost.append(number)  # what follows a damaged stretch may be whole
            else:
                break
            number += 1
    finally:
        capture.release()
    if number == len(lost):
        yield Frame(
            source, 0, 0.0, None, f"{source.name}: not a video or camera that opens; expected an undamaged file"
        )
    elif lost:
        count = expected - number + len(lost)
        reason = f"{source.name}: {count} of {expected} frames cannot be read; the video is damaged"
        yield Frame(source, lost[0], lost[0] / rate, None, reason)


def _known(file: Path) -> bool:
    return file.is_file() and file.suffix.lower() in IMAGE_SUFFIXES + VIDEO_SUFFIXES


def _source(file: Path, relative: Path) -> Source:
    return Source(str(file), relative, file.suffix.lower() in VIDEO_SUFFIXES)


def _distinct(found: Sequence[Source]) -> list[Source]:
    """The same sources; copies of two files of one name get names of their own."""
    taken: set[Path] = set()
    result = []
    for source in found:
        relative, number = source.relative, 2
        while relative in taken:
            relative = source.relative.with_stem(f"{source.relative.stem}_{number}")
            number += 1
        taken.add(relative)
        result.append(Source(source.name, relative, source.is_video))
    return result
