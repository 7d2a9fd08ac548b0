"""What a prediction writes: tables, annotated copies, average faces."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from ifgan_tf import files
from ifgan_tf.recognition.annotation import annotated
from ifgan_tf.recognition.copies import VideoCopy, fitting, write_image
from ifgan_tf.recognition.media import Frame
from ifgan_tf.recognition.recognizer import Face

COLUMNS = ("source", "frame", "time_s", "face", "x", "y", "width", "height", "detection", "label", "confidence")
NO_FACE = "no face found"


class Writer:
    """Writes rows, annotated copies and average faces as frames come.

    The tables get their names at the end, whatever ends it: what was finished is kept. An earlier result stays if
    nothing was.
    """

    def __init__(self, output: Path, labels: Sequence[str], annotate: bool, average_faces: bool) -> None:
        self._output, self._labels = output, tuple(labels)
        self._annotate, self._average_faces = annotate, average_faces
        self._paths = {name: output / f"predictions.{name}" for name in ("csv", "jsonl")}
        self._files: dict[str, IO[str]] = {}
        self._frames = 0
        self._video: VideoCopy | None = None

    def __enter__(self) -> Writer:
        for name, path in self._paths.items():
            self._files[name] = files.beside_of(path).open("w", newline="", encoding="utf-8")
        self._table = csv.writer(self._files["csv"])
        self._table.writerow((*COLUMNS, *self._labels, "error"))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            if self._video:
                self._video.close()
        finally:
            for name, file in self._files.items():
                beside = Path(file.name)
                try:
                    file.close()
                finally:
                    if kind is None or self._frames:
                        beside.replace(self._paths[name])
                    else:
                        beside.unlink(missing_ok=True)

    def write(self, frame: Frame, faces: Sequence[Face]) -> None:
        """One frame's rows and pictures; flushed, so that a long run can be watched and loses nothing."""
        head = (files.printable(frame.source.name), frame.number, round(frame.time_s, 3))
        for number, face in enumerate(faces):
            box = [round(float(value), 1) for value in face.box]
            values = (*head, number, *box, round(face.detection, 4), face.label, round(face.confidence, 6))
            probabilities = {name: round(value, 6) for name, value in face.probabilities.items()}
            self._table.writerow((*values, *probabilities.values(), ""))
            line = {**dict(zip(COLUMNS, values, strict=True)), "probabilities": probabilities}
            self._files["jsonl"].write(json.dumps(line) + "\n")
        if not faces:
            reason = frame.error or NO_FACE
            self._table.writerow((*head, *[""] * (len(COLUMNS) - len(head) + len(self._labels)), reason))
            line = {**dict(zip(COLUMNS, head, strict=False)), "error": reason}
            self._files["jsonl"].write(json.dumps(line) + "\n")
        for file in self._files.values():
            file.flush()
        self._frames += 1
        if frame.image is not None:
            self._write_pictures(frame, frame.image, faces)

    def _write_pictures(self, frame: Frame, image: np.ndarray, faces: Sequence[Face]) -> None:
        relative = frame.source.relative
        if self._annotate and frame.source.is_video:
            if self._video is None or self._video.source != frame.source:
                if self._video:
                    self._video.close()
                target = fitting((self._output / "annotated" / relative).with_suffix(".webm"))
                self._video = VideoCopy(frame.source, target, image.shape, frame.rate)
            self._video.write(annotated(image, faces), frame.time_s)
        elif self._annotate:
            write_image(self._output / "annotated" / relative, annotated(image, faces))
        if self._average_faces and not frame.source.is_video:
            for number, face in enumerate(faces):
                if face.average_face is not None:
                    name = f"{relative.stem}_{number}_{face.label}.png"
                    write_image((self._output / "average_faces" / relative).with_name(name), face.average_face)
