"""What a prediction writes: tables, annotated copies, average faces."""

from __future__ import annotations

import csv
import errno
import io
import itertools
import json
from collections.abc import Iterable, Sequence
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from ifgan_tf import files, spreadsheets
from ifgan_tf.recognition.annotation import annotated
from ifgan_tf.recognition.copies import VideoCopy, fitting, write_image
from ifgan_tf.recognition.media import TABLES, Frame
from ifgan_tf.recognition.recognizer import Face

COLUMNS = ("source", "frame", "time_s", "face", "x", "y", "width", "height", "detection", "label", "confidence")
# Behind all others, where it moves none of the columns that programs may count on.
QUALITY = "quality"
NO_FACE = "no face found"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)  # what no later picture would be spared


class Writer:
    """Writes rows, annotated copies and average faces as frames come.

    The tables get their names at the end, whatever ends it: what was finished is kept. An earlier result stays if
    nothing was.

    Attributes:
      copy: the annotated copy of the image written last; None for a frame of a video, or where there is none.
    """

    def __init__(self, output: Path, labels: Sequence[str], annotate: bool, average_faces: bool) -> None:
        self._output, self._labels = output, tuple(labels)
        self._annotate, self._average_faces = annotate, average_faces
        self._paths = {Path(name).suffix: output / name for name in TABLES}
        self._files: dict[str, FileIO] = {}
        self._whole: dict[str, int] = {}  # bytes of each table that are finished; none before the first frame
        self._video: VideoCopy | None = None
        self.copy: Path | None = None

    def __enter__(self) -> Writer:
        for name, path in self._paths.items():
            self._files[name] = files.beside_of(path).open("wb", buffering=0)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            self._close_video()
        finally:
            for name, file in self._files.items():
                beside = Path(file.name)
                file.truncate(self._whole.get(name, 0))
                file.close()
                if self._whole:
                    beside.replace(self._paths[name])
                else:
                    beside.unlink()

    def write(self, frame: Frame, faces: Sequence[Face]) -> str:
        """One frame's rows and pictures, on the disk when it returns: a long run can be watched and loses nothing.

        Returns:
          Why a picture of this frame could not be written; the rows hold it too.

        Raises:
          OSError: when there is no room for anything more.
        """
        self.copy = None
        failure = self._picture_failure(frame, faces)
        reason = frame.error or (str(failure.strerror) if failure else "")
        texts = {".csv": self._rows(frame, faces, reason), ".jsonl": self._lines(frame, faces, reason)}
        for name, text in texts.items():
            rest = memoryview(text.encode())
            while rest:
                rest = rest[self._files[name].write(rest) or 0 :]
        self._whole = {name: file.tell() for name, file in self._files.items()}
        if failure and failure.errno in _NO_ROOM:
            raise failure
        return str(failure.strerror) if failure else ""

    def _rows(self, frame: Frame, faces: Sequence[Face], reason: str) -> str:
        text = io.StringIO()
        table = csv.writer(text)
        if not self._whole:
            table.writerow(_cells((*COLUMNS, *self._labels, "error", QUALITY)))
        for number, face in enumerate(faces):
            values = (*_values(frame, number, face).values(), *_probabilities(face).values())
            table.writerow(_cells((*values, reason, str(face.quality))))
        if not faces:
            head = _head(frame)
            empty = [""] * (len(COLUMNS) - len(head) + len(self._labels))
            table.writerow(_cells((*head.values(), *empty, reason or NO_FACE, "")))
        return text.getvalue()

    def _lines(self, frame: Frame, faces: Sequence[Face], reason: str) -> str:
        error = {"error": reason} if reason else {}
        lines = [
            {
                **_values(frame, number, face),
                "probabilities": _probabilities(face),
                QUALITY: str(face.quality),
                **error,
            }
            for number, face in enumerate(faces)
        ]
        return "".join(json.dumps(line) + "\n" for line in lines or [{**_head(frame), "error": reason or NO_FACE}])

    def _picture_failure(self, frame: Frame, faces: Sequence[Face]) -> OSError | None:
        """Writes the pictures of a frame; returns what kept one from being written, since the rows count anyway."""
        if frame.image is None:
            return None
        try:
            self._write_pictures(frame, frame.image, faces)
        except Exception as error:  # sizes that an encoder does not take, names that are folders already
            number, text = (error.errno, error.strerror) if isinstance(error, OSError) else (None, None)
            why = text or str(error) or type(error).__name__
            return OSError(number, f"{files.printable(frame.source.name)}: its copy cannot be written ({why})")
        return None

    def _close_video(self) -> None:
        video, self._video = self._video, None
        if video:
            video.close()

    def _write_pictures(self, frame: Frame, image: np.ndarray, faces: Sequence[Face]) -> None:
        relative = frame.source.relative
        if self._annotate and frame.source.is_video:
            if self._video is None or self._video.source != frame.source:
                self._close_video()
                target = fitting((self._output / "annotated" / relative).with_suffix(".webm"))
                self._video = VideoCopy(frame.source, target, image.shape, frame.rate)
            self._video.write(annotated(image, faces), frame.time_s)
        elif self._annotate:
            self.copy = write_image(self._output / "annotated" / relative, annotated(image, faces))
        if self._average_faces and not frame.source.is_video:
            self._write_average_faces(relative, faces)

    def _write_average_faces(self, relative: Path, faces: Sequence[Face]) -> None:
        """Writes those of an image, and removes those of faces that an earlier prediction found beyond them."""
        image = self._output / "average_faces" / relative
        paths = (fitting(image.with_name(f"{relative.stem}_{number}.png")) for number in itertools.count())
        drawn = [face.average_face for face in faces if face.average_face is not None]  # all of a model, or none
        for average_face, path in zip(drawn, paths, strict=False):
            write_image(path, average_face)
        for path in itertools.takewhile(Path.exists, paths):
            path.unlink()


def _cells(values: Iterable[Any]) -> list[Any]:
    return [spreadsheets.cell(value) if isinstance(value, str) else value for value in values]


def _head(frame: Frame) -> dict[str, Any]:
    return dict(zip(COLUMNS, (files.printable(frame.source.name), frame.number, round(frame.time_s, 3)), strict=False))


def _values(frame: Frame, number: int, face: Face) -> dict[str, Any]:
    box = [round(float(value), 1) for value in face.box]
    number = number if face.track is None else face.track
    values = (number, *box, round(face.detection, 4), face.label, round(face.confidence, 6))
    return {**_head(frame), **dict(zip(COLUMNS[3:], values, strict=True))}


def _probabilities(face: Face) -> dict[str, float]:
    return {name: round(value, 6) for name, value in face.probabilities.items()}
