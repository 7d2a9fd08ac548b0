"""BU-3DFE's official layout: which image is which.

A folder a subject, at any depth, with `F0001_AN03WH_F2D.bmp`: subject, expression, intensity (01..04; 00 for NE),
ethnicity. `*_F2D` are frontal photographs; `*_F3D`, two-view texture atlases, are not used.
"""

from __future__ import annotations

import collections
import os
import re
from collections.abc import Collection

from datasets.records import EXPRESSIVE, NEUTRAL, Count, FaceRecord, Problem, Scan, class_counts, refuse_another_list
from datasets.user_copy import DataFile, list_files, listed, unique
from ifgan_tf.errors import UserError

NAME = re.compile(
    r"(?P<subject>[FM]\d{4})_(?P<code>[A-Z]{2})(?P<intensity>\d\d)(?P<ethnicity>[A-Z]{2})_F2D\.(?:bmp|jpe?g|png)",
    re.IGNORECASE | re.ASCII,
)
CODES = {
    "AN": "anger",
    "DI": "disgust",
    "FE": "fear",
    "HA": "happiness",
    "SA": "sadness",
    "SU": "surprise",
    "NE": "neutral",
}
ETHNICITIES = ("WH", "BL", "AE", "LA", "AM", "IN")
SUBJECTS = 100
ALL_INTENSITIES = (1, 2, 3, 4)
PAPER_INTENSITIES = (3, 4)


def scan(manual_dir: str | os.PathLike[str], intensities: Collection[int] = PAPER_INTENSITIES) -> Scan:
    """Finds the frontal images of the given intensities, and every subject's neutral one, wherever they lie.

    Raises:
      UserError: if there is none, or their names follow another list of codes.
    """
    files, problems = list_files(manual_dir)
    archives = [file for file in files if file.name.lower().endswith(".rar")]
    named = []
    outside = []
    images = [(name, file) for file in files if (name := NAME.fullmatch(file.name))]
    for name, file in images:
        subject, code, intensity = name["subject"].upper(), name["code"].upper(), int(name["intensity"])
        if found := _outside(code, intensity, name["ethnicity"].upper()):
            outside.append(Problem(file.source, found, "unpack the subject's archive again"))
        elif code == "NE" or intensity in intensities:
            named.append(((subject, code, intensity), file))
    refuse_another_list(outside, len(images))
    problems += outside
    scans, notes = unique(named)
    if not scans:
        hint = f"unpack the archives, e.g. unrar x {archives[0].name}" if archives else "unpack BU-3DFE there"
        raise UserError(
            f"--manual_dir={manual_dir}: no BU-3DFE image found; expected files such as F0001/F0001_AN03WH_F2D.bmp; "
            + hint
            + listed(problems)
        )
    records = [_record(*key, file) for key, file in scans.items()]
    problems += notes + _missing(records, archives, 6 * len(intensities) + 1)
    expressive = [record for record in records if record.role == EXPRESSIVE]
    expected = {name: 0 if code == "NE" else SUBJECTS * len(intensities) for code, name in CODES.items()}
    counts = [
        Count("subjects", len({record.subject for record in records}), SUBJECTS),
        *class_counts(expressive, {name: number for name, number in expected.items() if number}),
        Count("images of the six expressions", len(expressive), sum(expected.values())),
        Count("neutral images", len(records) - len(expressive), SUBJECTS),
    ]
    return Scan({"train": records}, counts, problems)


def _outside(code: str, intensity: int, ethnicity: str) -> str:
    """What in a file's name is not in the owners' list; empty if all of it is."""
    if code not in CODES:
        return f"expression {code}; expected one of {', '.join(CODES)}"
    if intensity not in ((0,) if code == "NE" else ALL_INTENSITIES):
        return f"intensity {intensity:02d} of {code}; expected 00 for NE and 01 to 04 for the others"
    if ethnicity not in ETHNICITIES:
        return f"ethnicity {ethnicity}; expected one of {', '.join(ETHNICITIES)}"
    return ""


def _record(subject: str, code: str, intensity: int, file: DataFile) -> FaceRecord:
    name = NAME.fullmatch(file.name)
    assert name is not None
    scan_id = f"{subject}_{code}{intensity:02d}"
    return FaceRecord(
        key=scan_id,
        load=file.image,
        label=CODES[code],
        subject=subject,
        sequence=scan_id,
        source=file.source,
        intensity=intensity,
        role=NEUTRAL if code == "NE" else EXPRESSIVE,
        extra={"ethnicity": name["ethnicity"].upper()},
    )


def _missing(records: list[FaceRecord], archives: list[DataFile], expected: int) -> list[Problem]:
    """Archives that were never unpacked, and subjects without all of their images."""
    images = collections.Counter(record.subject for record in records)
    packed = [archive for archive in archives if archive.name[:-4].upper() not in images]
    return [
        Problem(archive.source, "an archive that is not unpacked", f"unrar x {archive.name}") for archive in packed
    ] + [
        Problem(subject, f"{count} of {expected} images", "unpack the subject's archive again")
        for subject, count in sorted(images.items())
        if count != expected
    ]
