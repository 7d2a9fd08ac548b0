"""Photographs, folders, globs, videos, cameras and streams as one stream of frames, a frame in memory at a time."""

from __future__ import annotations

import contextlib
import glob
import logging
import os
import re
import time
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # what it says of damaged files is said by us

import cv2
import numpy as np

from ifgan_tf import files
from ifgan_tf.data.images import MAX_PIXELS, is_image, read_image
from ifgan_tf.errors import UserError
from ifgan_tf.files import printable
from ifgan_tf.recognition import UNDECODED, containers

# A file is what its content says; these names only decide what is worth a word when it cannot be read.
IMAGE_SUFFIXES = (
    *(".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jp2", ".jpeg", ".jpg"),
    *(".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"),
)
VIDEO_SUFFIXES = (".3gp", ".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm", ".wmv")
_JUNK = (".", "__macosx", "thumbs.db", "desktop.ini")  # what systems leave beside pictures, ._photo.jpg among it
_STREAM = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)

MAX_LOST_FRAMES = 1000  # of a video; some headers promise more frames than there can be
_STREAM_TIMEOUT_MS = 10_000
RESULTS = ("annotated", "average_faces")  # the folders that a prediction fills below its output, and never reads
TABLES = ("predictions.csv", "predictions.jsonl")  # beside them
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
      output: folder where results go; what a prediction wrote there is not searched, and left out where it is named, as
        a shell names it for `*`.

    Returns:
      A source for each; an argument that leads nowhere is a source with an error.

    Raises:
      UserError: when all of them lead nowhere, or what lies where results would go is none.
      OSError: when `output` cannot be looked into.
    """
    results = _results(output)
    own: list[Path] = []
    found = [source for argument in inputs for source in _of_argument(argument, results, own)]
    left_out = [f"{_listed(own)}: not read, since results are written there; choose another --output"] if own else []
    if all(source.error for source in found):
        errors = [*(source.error for source in found), *left_out]
        raise UserError("; ".join(errors) or "no input; expected images, videos or folders")
    for reason in left_out:
        logging.info("%s", reason)
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
    with _opened(source) as capture:
        return _promised(capture)


def _video_frames(source: Source) -> Iterator[Frame]:
    number, pending, before = 0, 0, 0.0
    lost: list[int] = []
    started = time.monotonic()
    with _opened(source) as capture:
        if (size := _frame_size(capture)) > MAX_PIXELS:
            reason = f"frames of {size:,} pixels; expected {MAX_PIXELS:,} at most"
            yield Frame(source, 0, 0.0, None, f"{printable(source.name)}: {reason}")
            return
        rate = capture.get(cv2.CAP_PROP_FPS)
        rate = rate if 0 < rate < 1000 else 25.0
        promised = 0 if source.live else _promised(capture)
        opened = capture.isOpened()
        while opened:
            there, frame = capture.read()
            if not there:  # what follows a damaged stretch may be whole
                pending += 1
                if number + pending >= promised or len(lost) + pending >= MAX_LOST_FRAMES:
                    break
                continue
            lost += range(number, number + pending)
            number, pending = number + pending, 0
            before = time.monotonic() - started if source.live else _time(capture, number, rate, before)
            yield Frame(source, number, before, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), rate=rate)
            number += 1
    if number == len(lost):
        what = "a camera or stream that opens" if source.live else "a video that opens; expected an undamaged file"
        yield Frame(source, 0, 0.0, None, f"{printable(source.name)}: {UNDECODED if opened else f'not {what}'}")
    elif not source.live:
        reason = _damage(source, number - len(lost), len(lost), promised, round(before * rate) + 1)
        if reason:
            yield Frame(source, lost[0] if lost else number, before, None, f"{printable(source.name)}: {reason}")


def _damage(source: Source, read: int, lost: int, promised: int, reached: int) -> str:
    """What is wrong with a video that was read to its end; empty where nothing is known to be.

    Args:
      source: the video.
      read: frames that were.
      lost: frames that were not, between others.
      promised: frames by OpenCV's account: elsewhere than in an index a guess, duration (the sound's, perhaps) x rate.
      reached: frames up to the time of the last one.
    """
    container = containers.inspect(source.name)
    if container.counted:
        lost = max(lost, promised - read)
    elif (
        container.kind == "avi" and promised - reached > 1
    ):  # frames may be left out on purpose; one too many is common
        lost = max(lost, promised - reached)
    if lost > 0:
        return f"{lost} of {read + lost} frames cannot be read; the video is damaged"
    return f"the video is cut short after {read} frames; its end is missing" if container.cut else ""


def _frame_size(capture: cv2.VideoCapture) -> int:
    """Pixels of a frame by the container's account, before one is decoded."""
    return int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)) * int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))


def _promised(capture: cv2.VideoCapture) -> int:
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    return int(count) if 0 < count < 2**31 else 0


def _time(capture: cv2.VideoCapture, number: int, rate: float, before: float) -> float:
    """Seconds from the start to the frame just read; counted where the container's time is none or runs backwards."""
    time_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
    return time_s if before < time_s < 1e7 or not number else max(before, number / rate)


@contextlib.contextmanager
def _opened(source: Source) -> Iterator[cv2.VideoCapture]:
    """A capture, opened if it can be; whatever OpenCV makes of an odd name, it does not raise."""
    capture = cv2.VideoCapture()
    name = contextlib.nullcontext(source.name) if source.live else files.plain_name(source.name)
    with name as path, contextlib.ExitStack() as stack:
        stack.callback(capture.release)
        with contextlib.suppress(cv2.error, ValueError, OverflowError, TypeError, SystemError):
            if source.name.startswith("camera:"):
                capture.open(int(path.removeprefix("camera:")))
            # By FFmpeg alone: others take `%d` in the name of a video for a series of pictures.
            elif source.live or not files.is_text(path):
                limits = (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, cv2.CAP_PROP_READ_TIMEOUT_MSEC)
                timeouts = [value for limit in limits for value in (limit, _STREAM_TIMEOUT_MS)]
                capture.open(path, cv2.CAP_FFMPEG, timeouts if source.live else [])
        yield capture


def _results(output: Path | None) -> frozenset[Path]:
    """Where a prediction writes below its output, resolved."""
    if output is None:
        return frozenset()
    # A prediction has tables there: hidden ones, if it was killed.
    if not any(any(output.glob(name)) for name in (*TABLES, ".*.csv")):
        for folder in (output / name for name in RESULTS):
            if any(folder.glob("*")):
                reason = "lies where results are written, and no prediction wrote it; choose another --output"
                raise UserError(f"{printable(folder)}: {reason}")
    return frozenset((output / name).resolve() for name in (*RESULTS, *TABLES))


def _is_among(path: Path, results: frozenset[Path]) -> bool:
    """Whether a path leads to one of `results`, or into one."""
    place = path.resolve()
    return not results.isdisjoint((place, *place.parents))


def _of_argument(argument: str, results: frozenset[Path], own: list[Path]) -> list[Source]:
    """The sources of an argument; what is among `results` is added to `own` instead."""
    if not argument.strip():
        return [_nowhere(argument, "'': an empty name; expected an image, a video or a folder")]
    if argument.startswith("camera:"):
        number = argument.removeprefix("camera:")
        if not (number.isascii() and number.isdigit()):
            return [_nowhere(argument, f"{argument}: expected the number of a camera, as in camera:0")]
        return [Source(argument, Path(f"camera_{number}"), True, live=True)]
    if _STREAM.match(argument):
        return [Source(argument, Path(re.sub(r"[^\w.-]+", "_", argument)[:100]), True, live=True)]
    path = Path(os.path.expanduser(argument))  # noqa: PTH111 (~nobody stays as it is)
    try:
        if path.exists() and _is_among(path, results):
            own.append(path)
            return []
        if path.is_dir():
            return _of_folder(argument, path, results)
        if not path.exists() and glob.has_magic(argument):
            matches = sorted(Path(match) for match in glob.glob(str(path), recursive=True))  # noqa: PTH207 (absolute patterns)
            matches = [match for match in matches if _kind(match)]
            if not matches:
                return [_nowhere(argument, f"{argument}: matches no image and no video")]
            inside = [match for match in matches if not _is_among(match, results)]
            own += sorted({*matches} - {*inside})
            return [_of_file(match, Path(match.name)) for match in inside]
        return [_of_file(path, Path(path.name))]
    except OSError as error:  # a name that is too long, a folder that may not be entered
        return [_nowhere(argument, f"{printable(argument)}: cannot be read ({error.strerror})")]


def _of_folder(argument: str, folder: Path, results: frozenset[Path]) -> list[Source]:
    found: list[Source] = []
    left_out: list[Path] = []

    def unreadable(error: OSError) -> None:
        name = str(error.filename)
        found.append(_nowhere(name, f"{printable(name)}: this folder cannot be read ({error.strerror})"))

    seen: set[str] = set()
    for place, folders, names in os.walk(folder, onerror=unreadable, followlinks=True):
        here = Path(place)
        if os.path.realpath(here) in seen:  # a link back to where we were
            folders.clear()
            continue
        seen.add(os.path.realpath(here))
        folders[:] = sorted(name for name in folders if not _is_junk(name) and not _is_among(here / name, results))
        for name in sorted(name for name in names if not _is_junk(name) and name not in TABLES):
            file = here / name
            if _kind(file):
                found.append(_of_file(file, file.relative_to(folder)))
            else:
                left_out.append(file.relative_to(folder))
    if left_out:
        logging.info("%s: left out what is neither image nor video: %s", printable(argument), _listed(left_out))
    nothing = f"{printable(argument)}: no images or videos in this folder; expected files such as .jpg or .mp4"
    return found or [_nowhere(argument, nothing)]


def _listed(paths: Sequence[Path]) -> str:
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return ", ".join(map(printable, paths[:_NAMED])) + more


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
    taken: dict[str, int] = {}  # how often each name was asked for, so that thousands of equal ones take no time
    result = []
    for source in found:
        relative = source.relative
        if not source.error:
            first = _key(relative)
            while _key(relative) in taken:
                taken[first] += 1
                relative = source.relative.with_stem(f"{source.relative.stem}_{taken[first]}")
            taken[_key(relative)] = 1
        result.append(replace(source, relative=relative))
    return result


def _key(relative: Path) -> str:
    """The same for names that some file system takes for one: by capital letters, or by how accents are written."""
    return unicodedata.normalize("NFC", str(relative.with_suffix(""))).casefold()
