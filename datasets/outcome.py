"""What a build tells about itself: counts, undetected and unreadable files, and a picture of the faces."""

from __future__ import annotations

import collections
import hashlib
import json
import os
import pathlib
import time
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from datasets.records import EXPRESSIVE, NEUTRAL, FaceRecord, Problem, described
from ifgan_tf import files
from ifgan_tf.data.images import encode_png
from ifgan_tf.labels import EXPRESSIONS

REPORT_FILE = "build_report.json"
_SHEET_COLUMNS = 12
_THUMBNAIL = 96
_LISTED = 20


class BuildReport:
    """Gathers a split's outcome while it is generated and writes it beside the data.

    The contact sheet has one row a class and a last one of undetected faces; which faces it shows is decided by a
    hash of their keys, so the same data always give the same sheet.
    """

    def __init__(self, split: str, problems: Sequence[Problem] = ()) -> None:
        self.split = split
        self._problems = [str(problem) for problem in problems if not problem.note]
        self._images = {role: dict.fromkeys(EXPRESSIONS, 0) for role in (EXPRESSIVE, NEUTRAL)}
        self._subjects: set[str] = set()
        self._intensities: collections.Counter[int] = collections.Counter()
        self._texts: dict[str, collections.Counter[str]] = {}
        self._undetected: list[str] = []
        self._unreadable: list[dict[str, str]] = []
        self._rows: dict[str, list[tuple[bytes, np.ndarray]]] = {name: [] for name in (*EXPRESSIONS, "undetected")}
        self._start = time.monotonic()

    def add(self, record: FaceRecord, image: np.ndarray, detected: bool) -> None:
        """Counts a face that is stored; `image` is uint8 RGB, square."""
        self._images[record.role][record.label] += 1
        self._subjects |= {record.subject} - {""}
        self._intensities[record.intensity] += 1
        for name, value in record.extra.items():
            if isinstance(value, str):
                self._texts.setdefault(name, collections.Counter())[value] += 1
        self._show(record.label, record.key, image)
        if not detected:
            self._undetected.append(record.place)
            self._show("undetected", record.key, image)

    def unreadable(self, record: FaceRecord, error: Exception | str) -> None:
        """Counts a face that could not be read and is not stored."""
        self._unreadable.append({"file": record.source, "key": record.key, "error": described(error, record)})

    def as_dict(self) -> dict[str, Any]:
        seconds = time.monotonic() - self._start
        images = sum(sum(counts.values()) for counts in self._images.values())
        return {
            "images": images,
            "expressive": {name: n for name, n in self._images[EXPRESSIVE].items() if n},
            "neutral": sum(self._images[NEUTRAL].values()),
            "subjects": len(self._subjects),
            "intensities": dict(sorted(self._intensities.items())),
            **{name: dict(sorted(counts.items())) for name, counts in self._texts.items()},
            "undetected": sorted(self._undetected),
            "unreadable": sorted(self._unreadable, key=lambda entry: entry["key"]),
            "problems": self._problems,
            "seconds": round(seconds, 1),
            "images_per_second": round(images / max(seconds, 1e-6), 1),
        }

    def write(self, folder: str | os.PathLike[str]) -> None:
        """Adds this split to `build_report.json` and writes `contact_sheet_<split>.png` in `folder`."""
        folder = pathlib.Path(folder)
        path = folder / REPORT_FILE
        report = files.read_json(path) if path.exists() else {}
        report[self.split] = self.as_dict()
        path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        (folder / f"contact_sheet_{self.split}.png").write_bytes(encode_png(self.contact_sheet()))

    def contact_sheet(self) -> np.ndarray:
        """uint8 RGB: a row of up to twelve faces for each class that has any."""
        rows = [(name, faces) for name, faces in self._rows.items() if faces]
        label_width = 110
        sheet = np.full((_THUMBNAIL * max(1, len(rows)), label_width + _THUMBNAIL * _SHEET_COLUMNS, 3), 32, np.uint8)
        for row, (name, faces) in enumerate(rows):
            top = row * _THUMBNAIL
            cv2.putText(
                sheet, name, (6, top + _THUMBNAIL // 2), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (240,) * 3, 1, cv2.LINE_AA
            )
            for column, (_, face) in enumerate(faces):
                left = label_width + column * _THUMBNAIL
                sheet[top : top + _THUMBNAIL, left : left + _THUMBNAIL] = face
        return sheet

    def _show(self, row: str, key: str, image: np.ndarray) -> None:
        faces = self._rows[row]
        digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
        if len(faces) < _SHEET_COLUMNS or digest < faces[-1][0]:
            thumbnail = cv2.resize(image, (_THUMBNAIL, _THUMBNAIL), interpolation=cv2.INTER_AREA)
            faces.append((digest, thumbnail))
            faces.sort(key=lambda face: face[0])
            del faces[_SHEET_COLUMNS:]


def summary(report: dict[str, Any]) -> str:
    """A build report as a few lines for the console."""
    lines = []
    for split, part in report.items():
        subjects = f" of {part['subjects']} subjects" if part["subjects"] else ""
        lines.append(
            f"{split}: {part['images']} images{subjects} in {part['seconds']:.0f} s "
            f"({part['images_per_second']:.1f} images/s)"
        )
        lines += [f"  {name:<26}{count:>7}" for name, count in part["expressive"].items()]
        if part["neutral"]:
            lines.append(f"  {'for the neutral average':<26}{part['neutral']:>7}")
        lines += _listed("no face found, centred square used instead", part["undetected"])
        unreadable = [entry["error"] for entry in part["unreadable"]]
        remedy = (
            " (copy or download them again, remove this data set's folder and build it again)" if unreadable else ""
        )
        lines += _listed(f"unreadable, left out{remedy}", unreadable)
    lines += _listed("problems of the copy", next(iter(report.values()))["problems"])
    return "\n".join(lines)


def _listed(title: str, items: list[str]) -> list[str]:
    more = [f"    ... and {len(items) - _LISTED} more, see {REPORT_FILE}"] if len(items) > _LISTED else []
    return [f"  {title}: {len(items)}", *(f"    {item}" for item in items[:_LISTED]), *more]
