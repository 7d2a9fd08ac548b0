"""Photographs, folders, globs, videos, cameras and streams as one stream of frames, a frame in memory at a time."""

from __future__ import annotations

import glob
import logging
import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # what it says of damaged files is said by us

import cv2
import numpy as np

from ifgan_tf.data.images import is_image, read_image
from ifgan_tf.errors import UserError
from ifgan_tf.files import printable
from ifgan_tf.recognition import containers

# A file is what its content says; these names only decide what is worth a word when it cannot be read.
IMAGE_SUFFIXES = (".avif", ".bmp", ".gif", ".heic", ".jfif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
VIDEO_SUFFIXES = (".3gp", ".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm", ".wmv")
_JUNK = (".", "__macosx", "thumbs.db", "desktop.ini")  # what systems leave beside pictures, ._photo.jpg among it
_STREAM = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)

MAX_LOST_FRAMES = 1000  # of a video; some headers promise more frames than there can be
_STREAM_TIMEOUT_MS = 10_000
_NAMED = 5  # files left out that are named


@dataclass(frozen=True)
class Source:
    """One input.

    Attributes:
      name: what a report calls it: the file as the user named it, `camera:N`, or the address of a stream.
      relative: where a copy of it belongs below an output folder; no two have the same, whatever their suffixes.
      is_video: many frames (a video, a camera, a stream), or one.
      live: a camera or a stream, which ends when somebody ends it.
      error: why there is nothing to read; empty where there may be.
    """

    name: str
    relative: Path
    is_video: bool
    live: bool = False
    error: str = ""


@dataclass(frozen=True)
class Frame:
    """One picture of a source, or why there is none.

    Attributes:
      source: where it is from.
      number: of the frame, from 0.
      time_s: seconds from the start, as the video's container has them; 0 for a photograph.
      image: uint8 RGB [H, W, 3], upright; None where `error` says why.
      rate: frames a second of the video, on average; 0 for a photograph.
    """

    source: Source
    number: int
    time_s: float
    image: np.ndarray | None
    error: str = ""
    rate: float = 0.0


def sources(inputs: Sequence[str], output: Path | None = None) -> list[Source]:
    """What the arguments of a command name.

    Args:
      inputs: files, folders (searched to the bottom for images and videos, by content), globs, `camera:N`, addresses
        such as `rtsp://…`.
      output: folder that is not searched, because it is where results go.

    Returns:
      A source for each; an argument that leads nowhere is a source with an error.

    Raises:
      UserError: when all of them lead nowhere.
    """
    found = [source for argument in inputs for source in _of_argument(argument, output)]
    if all(source.error for source in found):
        raise UserError("; ".join(source.error for source in found) or "no input; expected images, videos or folders")
    return _distinct(found)


def frames(source: Source) -> Iterator[Frame]:
    """The frames of a source, one after the other; what cannot be read is a frame with an error."""
    if source.error:
        yield Frame(source, 0, 0.0, None, source.error)
    elif source.is_video:
        yield from _video_frames(source)
    else:
        try:
            yield Frame(source, 0, 0.0, read_image(source.name))
        except UserError as error:
            yield Frame(source, 0, 0.0, None, str(error))


def frame_count(source: Source) -> int:
    """How many frames to expect; 0 for a camera, a stream, and a video that does not say."""
    if source.live or source.error:
        return 0
    if not source.is_video:
        return 1
    capture = _open(source)
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    capture.release()
    return int(count) if 0 < count < 2**31 else 0


def _video_frames(source: Source) -> Iterator[Frame]:
    capture, started = _open(source), time.monotonic()
    container = containers.inspect(source.name) if not source.live else containers.Container("")
    # Elsewhere than in an index the number of frames is a guess: duration times rate.
    expected = frame_count(source) if container.counted else 0
    number, before = 0, 0.0
    lost: list[int] = []
    try:
        rate = capture.get(cv2.CAP_PROP_FPS)
        rate = rate if 0 < rate < 1000 else 25.0
        while capture.isOpened():
            there, frame = capture.read()
            if there:
                time_s = time.monotonic() - started if source.live else _time(capture, number, rate, before)
                yield Frame(source, number, time_s, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), rate=rate)
                before = time_s
            elif number < expected and len(lost) < MAX_LOST_FRAMES:
                lost.append(number)  # what follows a damaged stretch may be whole
            else:
                break
            number += 1
    finally:
        capture.release()
    if number == len(lost):
        what = "a camera or stream that opens" if source.live else "a video that opens; expected an undamaged file"
        yield Frame(source, 0, 0.0, None, f"{printable(source.name)}: not {what}")
    elif lost:
        count = expected - number + len(lost)
        reason = f"{printable(source.name)}: {count} of {expected} frames cannot be read; the video is damaged"
        yield Frame(source, lost[0], lost[0] / rate, None, reason)
    elif container.cut:
        reason = f"{printable(source.name)}: the video is cut short after {number} frames; its end is missing"
        yield Frame(source, number, before, None, reason)


def _time(capture: cv2.VideoCapture, number: int, rate: float, before: float) -> float:
    """Seconds from the start to the frame just read; counted where the container's time is none or runs backwards."""
    time_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
    return time_s if before < time_s < 1e7 or not number else max(before, number / rate)


def _open(source: Source) -> cv2.VideoCapture:
    """A capture, opened if it can be; whatever OpenCV makes of an odd name, it does not raise."""
    try:
        if source.name.startswith("camera:"):
            return cv2.VideoCapture(int(source.name.removeprefix("camera:")))
        if source.live:
            timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _STREAM_TIMEOUT_MS]
            timeouts += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, _STREAM_TIMEOUT_MS]
            return cv2.VideoCapture(source.name, cv2.CAP_FFMPEG, timeouts)
        return cv2.VideoCapture(source.name)
    except (cv2.error, ValueError, OverflowError, TypeError, SystemError):
        return cv2.VideoCapture()


def _of_argument(argument: str, output: Path | None) -> list[Source]:
    if not argument.strip():
        return [_nowhere(argument, "'': an empty name; expected an image, a video or a folder")]
    if argument.startswith("camera:"):
        number = argument.removeprefix("camera:")
        if not (number.isascii() and number.isdigit()):
            return [_nowhere(argument, f"{argument}: expected the number of a camera, as in camera:0")]
        return [Source(argument, Path(f"camera_{number}"), True, live=True)]
    if _STREAM.match(argument):
        return [Source(argument, Path(re.sub(r"[^\w.-]+", "_", argument)[:100]), True, live=True)]
    path = Path(argument).expanduser()
    try:
        if path.is_dir():
            return _of_folder(argument, path, output)
        if not path.exists() and glob.has_magic(argument):
            matches = sorted(Path(match) for match in glob.glob(str(path), recursive=True))  # noqa: PTH207 (absolute patterns)
            inside = [_of_file(match, Path(match.name)) for match in matches if _kind(match)]
            return inside or [_nowhere(argument, f"{argument}: matches no image and no video")]
        return [_of_file(path, Path(path.name))]
    except OSError as error:  # a name that is too long, a folder that may not be entered
        return [_nowhere(argument, f"{printable(argument)}: cannot be read ({error.strerror})")]


def _of_folder(argument: str, folder: Path, output: Path | None) -> list[Source]:
    found: list[Source] = []
    left_out: list[str] = []
    results = output.resolve() if output else None

    def unreadable(error: OSError) -> None:
        name = str(error.filename)
        found.append(_nowhere(name, f"{printable(name)}: this folder cannot be read ({error.strerror})"))

    for place, folders, names in os.walk(folder, onerror=unreadable):
        here = Path(place)
        folders[:] = sorted(name for name in folders if not _is_junk(name) and (here / name).resolve() != results)
        if here.resolve() == results:
            continue
        for name in sorted(name for name in names if not _is_junk(name)):
            file = here / name
            if _kind(file):
                found.append(_of_file(file, file.relative_to(folder)))
            else:
                left_out.append(printable(file.relative_to(folder)))
    if left_out:
        more = f" and {len(left_out) - _NAMED} more" if len(left_out) > _NAMED else ""
        listed = ", ".join(left_out[:_NAMED])
        logging.info("%s: left out what is neither image nor video: %s%s", printable(argument), listed, more)
    nothing = f"{printable(argument)}: no images or videos in this folder; expected files such as .jpg or .mp4"
    return found or [_nowhere(argument, nothing)]


def _is_junk(name: str) -> bool:
    return name.lower().startswith(_JUNK)


def _nowhere(name: str, error: str) -> Source:
    return Source(name, Path("nowhere"), False, error=error)


def _of_file(file: Path, relative: Path) -> Source:
    if file.exists() and not file.is_file():
        return _nowhere(str(file), f"{printable(file)}: not a file; expected an image, a video or a folder")
    return Source(str(file), relative, file.exists() and _kind(file) == "video")


def _kind(file: Path) -> str:
    """`image`, `video`, or empty: by content, by name where that cannot be told."""
    if file.exists() and not file.is_file():
        return ""  # a pipe would be waited for
    try:
        with file.open("rb") as opened:
            start = opened.read(400)
    except OSError:
        start = b""
    if is_image(start):
        return "image"
    if containers.kind_of(start):
        return "video"
    suffix = file.suffix.lower()
    return "image" if suffix in IMAGE_SUFFIXES else "video" if suffix in VIDEO_SUFFIXES else ""


def _distinct(found: Sequence[Source]) -> list[Source]:
    """The same sources; copies of files whose names differ by no more than suffix or case get names of their own."""
    taken: set[str] = set()
    result = []
    for source in found:
        relative, number = source.relative, 2
        while str(relative.with_suffix("")).casefold() in taken:
            relative = source.relative.with_stem(f"{source.relative.stem}_{number}")
            number += 1
        if not source.error:
            taken.add(str(relative.with_suffix("")).casefold())
        result.append(replace(source, relative=relative))
    return result
