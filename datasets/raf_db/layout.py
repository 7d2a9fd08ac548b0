"""RAF-DB's layouts: the official `basic/` and the widespread `DATASET/train/<1..7>/`.

Images are known by their names (`train_00001_aligned.jpg`, `test_0001_aligned.jpg`), wherever they lie, also inside
`aligned.zip`. Labels come from the official list, else from the tables of the re-layout, else from its folders.
"""

from __future__ import annotations

import csv
import functools
import io
import os
import re

import numpy as np

from datasets.files import DataFile, list_files, listed, unique
from datasets.records import Count, FaceRecord, Problem, Scan, class_counts
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
_UNPACK = "unpack or download it again"


def scan(manual_dir: str | os.PathLike[str]) -> Scan:
    """The aligned images of the official training and test part with their labels and attributes.

    Raises:
      UserError: if there are no images or no labels.
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
            f"{' and '.join(LABEL_TABLES)}, or images in folders called 1 to 7"
        )
    attributes = {match[1].lower(): file for match, file in _matches(files, ATTRIBUTES)}
    splits: dict[str, list[FaceRecord]] = {"train": [], "test": []}
    for name, file in sorted(images.items()):
        if name not in codes:
            problems.append(Problem(file.source, "an image without a label", "it is left out; complete the labels"))
            continue
        extra = dict(_NO_ATTRIBUTES)
        if name in attributes:
            try:
                extra = parse_attributes(attributes[name].text())
            except (ValueError, UserError) as error:
                problems.append(Problem(attributes[name].source, str(error), _UNPACK))
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
    except ValueError as error:
        raise ValueError("not five landmarks x y and one code each of gender, race and age") from error
    if len(landmarks) != 5:
        raise ValueError("not five landmarks x y and one code each of gender, race and age")
    for name, value, names in (("gender", gender, GENDERS), ("race", race, RACES), ("age", age, AGES)):
        if value not in range(len(names)):
            raise ValueError(f"{name} {value}; expected 0 to {len(names) - 1}")
    return {"landmarks": landmarks, "gender": gender, "race": race, "age": age}


_NO_ATTRIBUTES: dict[str, object] = {
    "landmarks": np.zeros((5, 2), np.float32),
    "gender": UNKNOWN,
    "race": UNKNOWN,
    "age": UNKNOWN,
}


def _matches(files: list[DataFile], pattern: re.Pattern[str]) -> list[tuple[re.Match[str], DataFile]]:
    return [(match, file) for file in files if (match := pattern.fullmatch(file.name))]


def _labels(files: list[DataFile], images: dict[str, DataFile], problems: list[Problem]) -> dict[str, int]:
    """Code by image name, from the first source there is."""
    lists = [file for file in files if file.name.lower() == LABEL_LIST]
    if lists:
        rows = [(lists[0], number, line.split()) for number, line in _lines(lists[0])]
    else:
        rows = [
            (file, number, next(csv.reader(io.StringIO(line))))
            for file in files
            if file.name.lower() in LABEL_TABLES
            for number, line in _lines(file)
        ]
    codes: dict[str, int] = {}
    for file, number, row in rows:
        name = LISTED.fullmatch(row[0]) if len(row) == 2 else None
        if name and row[1].strip().isdigit() and int(row[1]) in CODES:
            codes[name[1].lower()] = int(row[1])
        elif number > 1 or row != ["image", "label"]:
            text = f"line {number} is {' '.join(row)[:40]!r}; expected an image and a label from 1 to 7"
            problems.append(Problem(file.source, text, _UNPACK))
    if not rows:
        for image, file in images.items():
            folder = file.folder.rpartition("/")[2]
            if folder.isdigit() and int(folder) in CODES:
                codes[image] = int(folder)
    return codes


def _lines(file: DataFile) -> list[tuple[int, str]]:
    return [(number, line) for number, line in enumerate(file.text().splitlines(), start=1) if line.strip()]
