"""CK+'s official layout: which frame is which.

Frames `S005/001/S005_001_00000011.png` run from neutral to the peak, with gaps in their numbers; a label file
`S005_001_00000011_emotion.txt`, named after the peak frame, exists for 327 of the 593 sequences. Files are known by
their names, so both folder layouts of the labels, any root and the downloaded ZIP archives will do.
"""

from __future__ import annotations

import os
import re

from datasets.records import EXPRESSIVE, NEUTRAL, Count, FaceRecord, Problem, Scan, class_counts, refuse_another_list
from datasets.user_copy import DataFile, list_files, listed, unique
from ifgan_tf.errors import UserError

FRAME = re.compile(r"(S\d{3})_(\d{3})_(\d{8})\.png", re.IGNORECASE)
LABEL = re.compile(r"(S\d{3})_(\d{3})_(\d{8})_emotion\.txt", re.IGNORECASE)
CODES = {1: "anger", 3: "disgust", 4: "fear", 5: "happiness", 6: "sadness", 7: "surprise"}
CONTEMPT = 2
# Labelled sequences a code (Lucey et al. 2010, Table 3); with the 18 of contempt 327, of 118 subjects.
SEQUENCES = {"anger": 45, "disgust": 59, "fear": 25, "happiness": 69, "sadness": 28, "surprise": 83}
CONTEMPT_SEQUENCES = 18
SUBJECTS = 118
PEAK_FRAMES = 3
_UNPACK = "unpack Emotion_labels.zip again"
_EXPECTED = "expected one number from 0 to 7 such as 3.0000000e+00"

Sequence = tuple[str, str]


def scan(manual_dir: str | os.PathLike[str]) -> Scan:
    """The last three frames and the first one of every sequence with a basic expression.

    Raises:
      UserError: if there are no images or no labels, or the labels are not the owners'.
    """
    files, problems = list_files(manual_dir)
    frames, notes = unique(_keyed(files, FRAME))
    label_files, label_notes = unique(_keyed(files, LABEL))
    broken = listed(problems)
    if not frames:
        raise UserError(
            f"--manual_dir={manual_dir}: no CK+ image found; expected cohn-kanade-images/S005/001/"
            f"S005_001_00000001.png and so on, or extended-cohn-kanade-images.zip{broken}"
        )
    if not label_files:
        raise UserError(
            f"--manual_dir={manual_dir}: no CK+ emotion label found; expected Emotion/S005/001/"
            f"S005_001_00000011_emotion.txt and so on, or Emotion_labels.zip{broken}"
        )
    problems += notes + label_notes
    sequences: dict[Sequence, list[tuple[int, DataFile]]] = {}
    for (subject, number, frame), file in sorted(frames.items(), key=lambda item: item[0]):
        sequences.setdefault((subject, number), []).append((frame, file))
    codes = _codes(label_files, problems)
    records: list[FaceRecord] = []
    for sequence, (code, peak, label_file) in sorted(codes.items()):
        if code == CONTEMPT:
            continue
        found = sequences.get(sequence)
        if not found:
            problems.append(
                Problem(label_file.source, "a label without images", f"unpack the images of {sequence[0]} again")
            )
            continue
        if found[-1][0] != peak:
            problems.append(
                Problem(
                    found[-1][1].source,
                    f"the sequence's last image; its label names {peak:08d} as the peak",
                    f"unpack the images of {sequence[0]} again",
                )
            )
        if len(found) <= PEAK_FRAMES:
            text = f"the only {len(found)} images of its sequence; expected a neutral one and three of the peak"
            problems.append(Problem(found[0][1].source, text, f"unpack the images of {sequence[0]} again"))
        records += _records(sequence, CODES[code], found)
    expressive = [record for record in records if record.role == EXPRESSIVE]
    sequence_counts = {name: number * PEAK_FRAMES for name, number in SEQUENCES.items()}
    counts = [
        Count("subjects with a label", len({subject for subject, _ in codes}), SUBJECTS),
        Count("labelled sequences", len(codes), sum(SEQUENCES.values()) + CONTEMPT_SEQUENCES),
        Count("sequences of the six expressions", len({r.sequence for r in expressive}), sum(SEQUENCES.values())),
        *class_counts(expressive, sequence_counts),
        Count("images of the six expressions", len(expressive), sum(sequence_counts.values())),
        Count("neutral images", len(records) - len(expressive), sum(SEQUENCES.values())),
    ]
    return Scan({"train": records}, counts, problems)


def parse_code(text: str) -> int:
    """The emotion code in a label file's text, e.g. `   3.0000000e+00`.

    Raises:
      ValueError: if it is no whole number.
    """
    value = float(text)
    if not value.is_integer():
        raise ValueError(f"{value} is no whole number")
    return int(value)


def _keyed(files: list[DataFile], pattern: re.Pattern[str]) -> list[tuple[tuple[str, str, int], DataFile]]:
    matches = [(pattern.fullmatch(file.name), file) for file in files]
    return [((match[1].upper(), match[2], int(match[3])), file) for match, file in matches if match]


def _codes(
    label_files: dict[tuple[str, str, int], DataFile], problems: list[Problem]
) -> dict[Sequence, tuple[int, int, DataFile]]:
    """Code, peak frame and label file of every labelled sequence; unusable label files become problems."""
    codes: dict[Sequence, tuple[int, int, DataFile]] = {}
    outside: list[Problem] = []
    for (subject, number, peak), file in label_files.items():
        try:
            text = file.text()
        except UserError as error:
            problems.append(file.problem(error, _UNPACK))
            continue
        try:
            code = parse_code(text)
        except ValueError:
            found = f"the label is {text.strip()[:40]!r}; {_EXPECTED}"
            problems.append(Problem(file.source, found, _UNPACK))
            continue
        if code == 0:
            outside.append(Problem(file.source, "labelled neutral (0), which no official sequence is", _UNPACK))
        elif code not in CODES and code != CONTEMPT:
            outside.append(Problem(file.source, f"the label is {text.strip()[:40]!r}; {_EXPECTED}", _UNPACK))
        elif (subject, number) in codes:
            other = codes[subject, number][2].source
            problems.append(Problem(file.source, f"a second label of the sequence, beside {other}", "remove one"))
        else:
            codes[subject, number] = (code, peak, file)
    refuse_another_list(outside, len(label_files))
    problems += outside
    return codes


def _records(sequence: Sequence, label: str, frames: list[tuple[int, DataFile]]) -> list[FaceRecord]:
    """The first frame as neutral and the last three (never the first) as `label`."""
    chosen = [(frames[0], "neutral", NEUTRAL)]
    chosen += [(frame, label, EXPRESSIVE) for frame in frames[1:][-PEAK_FRAMES:]]
    return [
        FaceRecord(
            key=f"{sequence[0]}_{sequence[1]}_{number:08d}",
            load=file.image,
            label=name,
            subject=sequence[0],
            sequence=f"{sequence[0]}_{sequence[1]}",
            source=file.source,
            frame=number,
            role=role,
        )
        for (number, file), name, role in chosen
    ]
