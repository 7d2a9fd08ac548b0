"""RAF-DB's layouts: the official `basic/` and the widespread `DATASET/train/<1..7>/`.

Images are known by their names (`train_00001_aligned.jpg`, `test_0001_aligned.jpg`), wherever they lie, also inside
`aligned.zip`. Labels come from the official list, else from the tables of the re-layout, else from its folders. A code
outside of the owners' list, such as 0, means another list, whose other codes mean something else too: it is refused.
"""

from __future__ import annotations

import csv
import functools
import io
import os
import re
from collections.abc import Iterator

import numpy as np

from datasets.records import Count, FaceRecord, Problem, Scan, class_counts, refuse_another_list
from datasets.user_copy import DataFile, list_files, listed, unique
from ifgan_tf.errors import UserError

IMAGE = re.compile(r"((train|test)_\d+)_aligned\.(?:jpe?g|png)", re.IGNORECASE)
LISTED = re.compile(r"((?:train|test)_\d+)(?:_aligned)?\.(?:jpe?g|png)", re.IGNORECASE)
ATTRIBUTES = re.compile(r"((?:train|test)_\d+)_manu_attri\.txt", re.IGNORECASE)
LABEL_LIST = "list_patition_label.txt"  # the owners' spelling
LABEL_TABLES = ("train_labels.csv", "test_labels.csv")
CODES = {1: "surprise", 2: "fear", 3: "disgust", 4: "happiness", 5: "sadness", 6: "anger", 7: "neutral"}
IMAGE_SIZE = 100
GENDERS = ("male", "female", "unsure")
RACES = ("Caucasian", "African-American", "Asian")
AGES = ("0-3", "4-19", "20-39", "40-69", "70+")
EXPECTED = {
    "train": dict(zip(CODES.values(), (1290, 281, 717, 4772, 1982, 705, 2524), strict=True)),
    "test": dict(zip(CODES.values(), (329, 74, 160, 1185, 478, 162, 680), strict=True)),
}
UNKNOWN = -1
_CODES_AS_TEXT = {str(code): code for code in CODES}
_UNPACK = "unpack or download it again"


def scan(manual_dir: str | os.PathLike[str]) -> Scan:
    """The aligned images of the official training and test part with their labels and attributes.

    Raises:
      UserError: if there are no images or no labels, or the labels cannot be read or are not the owners'.
    """
    files, problems = list_files(manual_dir)
    images, notes = unique([(match[1].lower(), file) for match, file in _matches(files, IMAGE)])
    if not images:
        raise UserError(
            f"--manual_dir={manual_dir}: no RAF-DB image found; expected basic/Image/aligned/"
            "train_00001_aligned.jpg and so on, or basic/Image/aligned.zip" + listed(problems)
        )
    problems += notes
    codes = _labels(files, images, problems)
    if not codes:
        raise UserError(
            f"--manual_dir={manual_dir}: no RAF-DB labels found; expected basic/EmoLabel/{LABEL_LIST}, or "
            f"{' and '.join(LABEL_TABLES)}, or images in folders called 1 to 7" + listed(problems)
        )
    attributes = {match[1].lower(): file for match, file in _matches(files, ATTRIBUTES)}
    splits: dict[str, list[FaceRecord]] = {"train": [], "test": []}
    outside: list[Problem] = []
    for name, file in sorted(images.items()):
        if name not in codes:
            problems.append(Problem(file.source, "an image without a label", "it is left out; complete the labels"))
            continue
        extra = dict(_NO_ATTRIBUTES)
        if name in attributes:
            try:
                extra = parse_attributes(attributes[name].text())
            except _OutsideError as error:
                outside.append(attributes[name].problem(error, _UNPACK))
            except (ValueError, UserError) as error:
                problems.append(attributes[name].problem(error, _UNPACK))
        splits[name.partition("_")[0]].append(
            FaceRecord(
                key=name,
                load=functools.partial(load_aligned, file),
                label=CODES[codes[name]],
                subject="",
                sequence=name,
                source=file.source,
                extra=extra,
            )
        )
    refuse_another_list(outside, len(attributes))
    problems += outside
    for name in sorted(codes.keys() - images.keys()):
        problems.append(Problem(f"{name}_aligned.jpg", "a label without its image", "unpack aligned.zip again"))
    counts = []
    for split, expected in EXPECTED.items():
        counts += class_counts(splits[split], expected, prefix=f"{split}: ")
        counts.append(Count(f"{split}: images", len(splits[split]), sum(expected.values())))
    counts.append(Count("images with attributes", len(attributes.keys() & images.keys())))
    return Scan(splits, counts, problems)


def load_aligned(file: DataFile) -> np.ndarray:
    """An aligned image as its owners made it, uint8 RGB [100, 100, 3].

    Raises:
      UserError: if it cannot be read or has another size.
    """
    image = file.image()
    if image.shape[:2] != (IMAGE_SIZE, IMAGE_SIZE):
        size = f"{image.shape[1]}x{image.shape[0]}"
        raise UserError(f"{file.source}: {size} pixels; expected an aligned image of {IMAGE_SIZE}x{IMAGE_SIZE}")
    return image


def parse_attributes(text: str) -> dict[str, object]:
    """The landmarks, gender, race and age of a `*_manu_attri.txt`.

    Raises:
      ValueError: if it does not hold five points and three codes.
    """
    lines = [line.split() for line in text.splitlines() if line.strip()]
    try:
        landmarks = np.array([[float(x), float(y)] for x, y in lines[:5]], np.float32)
        gender, race, age = (int(value) for (value,) in lines[5:])
        if len(landmarks) != 5 or not np.isfinite(landmarks).all():
            raise ValueError(landmarks)
    except ValueError as error:
        raise ValueError("not five landmarks x y and one code each of gender, race and age") from error
    for name, value, names in (("gender", gender, GENDERS), ("race", race, RACES), ("age", age, AGES)):
        if value not in range(len(names)):
            raise _OutsideError(f"{name} {value}; expected 0 to {len(names) - 1}")
    return {"landmarks": landmarks, "gender": gender, "race": race, "age": age}


class _OutsideError(ValueError):
    """An attribute's code is none of the owners'."""


_NO_ATTRIBUTES: dict[str, object] = {
    "landmarks": np.zeros((5, 2), np.float32),
    "gender": UNKNOWN,
    "race": UNKNOWN,
    "age": UNKNOWN,
}


def _matches(files: list[DataFile], pattern: re.Pattern[str]) -> list[tuple[re.Match[str], DataFile]]:
    return [(match, file) for file in files if (match := pattern.fullmatch(file.name))]


def _labels(files: list[DataFile], images: dict[str, DataFile], problems: list[Problem]) -> dict[str, int]:
    """Code by image name, from the first source there is.

    Raises:
      UserError: if a source cannot be read, has no label, or has one that is none of the owners'.
    """
    lists = [file for file in files if file.name.lower() == LABEL_LIST]
    problems += [Problem(file.source, "another label list", "the first is used", note=True) for file in lists[1:]]
    sources = lists[:1] or [file for file in files if file.name.lower() in LABEL_TABLES]
    if not sources:
        return _labels_of_folders(images)
    codes: dict[str, int] = {}
    contradicted: dict[str, Problem] = {}
    for file in sources:
        rows = list(_rows(file))
        before = len(codes)
        for number, row in rows:
            name = LISTED.fullmatch(row[0]) if len(row) == 2 else None
            text = f"line {number} is {' '.join(row)[:40]!r}"
            if name:
                code = _code(row[1], f"{file.source}: {text}")
                if codes.setdefault(name[1].lower(), code) != code:
                    found = f"{text}; another line gives that image another label"
                    contradicted[name[1].lower()] = Problem(file.source, found, _UNPACK)
            elif number > 1 or row != ["image", "label"]:
                problems.append(Problem(file.source, f"{text}; expected an image and a label from 1 to 7", _UNPACK))
        if len(codes) == before:
            found = f"the first line is {' '.join(rows[0][1])[:40]!r}" if rows else "the file is empty"
            example = "train_00001.jpg 5" if lists else "train_00001_aligned.jpg,5"
            raise UserError(f"{file.source}: {found}; expected lines such as {example!r}; {_UNPACK}")
    problems += contradicted.values()
    return {name: code for name, code in codes.items() if name not in contradicted}


def _labels_of_folders(images: dict[str, DataFile]) -> dict[str, int]:
    """Code by image name, for images in folders that are called by numbers."""
    folders = {name: file.folder.rpartition("/")[2] for name, file in images.items()}
    return {
        name: _code(folder, f"{images[name].source}: in a folder called {folder}")
        for name, folder in folders.items()
        if folder.isdecimal()
    }


def _code(text: str, where: str) -> int:
    """The code that `text` is.

    Raises:
      UserError: if it is none of the owners'; the message opens with `where`.
    """
    code = _CODES_AS_TEXT.get(text.strip())
    if code is None:
        official = ", ".join(f"{code} {name}" for code, name in CODES.items())
        raise UserError(
            f"{where}; RAF-DB's labels are {official}, so these follow another list and none of them can be trusted; "
            f"use the owners' basic/EmoLabel/{LABEL_LIST}"
        )
    return code


def _rows(file: DataFile) -> Iterator[tuple[int, list[str]]]:
    """Line number and fields of every line that is not blank."""
    for number, line in enumerate(file.text().splitlines(), start=1):
        if line.strip():
            try:
                yield number, next(csv.reader(io.StringIO(line))) if file.name.lower() in LABEL_TABLES else line.split()
            except csv.Error:
                yield number, [line]
