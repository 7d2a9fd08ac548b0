"""Which images train, validate and test (paper §4.1).

The posed sets: ten subsets, mutually exclusive by subjects; or, to compare with work on closed sets, by recordings of
the same subjects. RAF-DB: its owners' split. Part of what could be trained on is held out to choose the checkpoint by,
unless all is to be trained on.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from ifgan_tf import files
from ifgan_tf.data.built_sets import Faces
from ifgan_tf.errors import UserError

NUM_FOLDS = 10
OFFICIAL_SPLIT = "raf_db"  # the one set that is not evaluated in folds; it does not say who is in a photo


@dataclass(frozen=True)
class Fold:
    """The subjects of the three parts of one fold; no subject is in two.

    For RAF-DB, whose photos have no subjects, they are names of images, in a closed set recordings (see `Faces.units`).

    Attributes:
      fold: its number.
      train, validation, test: who is in which part.
      undetected: data set → its training images in which no face was found: they are neither trained on nor averaged.
    """

    fold: int
    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    undetected: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        parts = {"train": set(self.train), "validation": set(self.validation), "test": set(self.test)}
        for one, other in (("train", "validation"), ("train", "test"), ("validation", "test")):
            if shared := parts[one] & parts[other]:
                raise UserError(f"fold {self.fold}: subjects {sorted(shared)} are both in {one} and in {other}")

    def masks(self, units: np.ndarray) -> dict[str, np.ndarray]:
        """Which images belong to which part.

        Args:
          units: [N], see `Faces.units`.
        Returns:
          `train`, `validation` and `test`, each bool [N].
        """
        return {part: np.isin(units, getattr(self, part)) for part in ("train", "validation", "test")}


def without_validation(fold: Fold) -> Fold:
    """The same fold with its validation part trained on as well."""
    return dataclasses.replace(fold, train=tuple(sorted(fold.train + fold.validation)), validation=())


def has_folds(dataset: str) -> bool:
    """Whether a data set (name, or name/configuration) is evaluated in ten folds by subject."""
    return dataset.partition("/")[0] != OFFICIAL_SPLIT


def fold_of(dataset: str, faces: Faces, fold: int, fold_by: str) -> Fold:
    """Fold `fold` of a data set, or its official split.

    Args:
      dataset: name, or name/configuration.
      faces: all of its faces.
      fold: 0 to 9; 0 where there is an official split.
      fold_by: `subject`, or `recording`.

    Raises:
      UserError: see `subject_fold` and `recording_fold`; for folds of a set with an official split.
    """
    if not has_folds(dataset):
        if fold_by != "subject":
            raise UserError(f"--fold_by={fold_by}: {dataset} is split as by its owners; leave the flag out")
        return official_fold(faces.units("subject").tolist())
    if fold_by == "recording":
        return recording_fold(faces.recordings, faces.subjects, faces.labels, fold)
    return subject_fold(faces.subjects.tolist(), fold)


def official_fold(names: Sequence[str]) -> Fold:
    """RAF-DB's own split by the names of its images, `train_…` and `test_…`.

    A tenth of the training images validates, chosen by a hash of the name: the same images whatever else is there.
    """
    parts: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    for name in sorted(set(names)):
        held_out = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % NUM_FOLDS == 0
        parts["test" if name.startswith("test_") else "validation" if held_out else "train"].append(name)
    return Fold(0, tuple(parts["train"]), tuple(parts["validation"]), tuple(parts["test"]))


def subject_fold(subjects: Sequence[str], fold: int) -> Fold:
    """Fold `fold` of a posed set: subjects are sorted, and a subject's subset is its rank modulo ten.

    Subset k is the test set, k + 1 (mod 10) validates, the other eight train.

    Raises:
      UserError: for a fold outside 0..9, or fewer than ten subjects.
    """
    return _dealt(sorted(set(subjects)), fold, "subjects")


def recording_fold(recordings: np.ndarray, subjects: np.ndarray, labels: np.ndarray, fold: int) -> Fold:
    """Fold `fold` of a closed set: everybody is in every part, with other recordings.

    As `subject_fold`, but recordings are ranked: by subject, then expression, then name, so that everybody's every
    expression is spread evenly over the subsets.

    Args:
      recordings, subjects: str [N], of every image.
      labels: int [N]; a recording of several is ranked by the first in the vocabulary.
      fold: 0 to 9.

    Raises:
      UserError: for a fold outside 0..9, fewer than ten recordings, or somebody with too few to be in training too.
    """
    order = np.lexsort((recordings, labels, subjects))
    dealt = _dealt(list(dict.fromkeys(recordings[order].tolist())), fold, "recordings")
    enrolled = set(subjects[np.isin(recordings, dealt.train)].tolist())
    if strangers := sorted(set(subjects.tolist()) - enrolled):
        raise UserError(
            f"--fold_by=recording: {len(strangers)} people, such as {strangers[0]!r}, have no recording in the "
            f"training part of fold {fold}; a closed set needs several recordings of everybody; leave the flag out"
        )
    return dealt


def _dealt(ranked: Sequence[str], fold: int, what: str) -> Fold:
    if not 0 <= fold < NUM_FOLDS:
        raise UserError(f"--fold={fold}: expected 0 to {NUM_FOLDS - 1}, or all")
    if len(ranked) < NUM_FOLDS:
        raise UserError(f"{len(ranked)} {what}: {NUM_FOLDS} folds need at least {NUM_FOLDS}")
    parts: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    for rank, unit in enumerate(ranked):
        subset = rank % NUM_FOLDS
        part = "test" if subset == fold else "validation" if subset == (fold + 1) % NUM_FOLDS else "train"
        parts[part].append(unit)
    return Fold(fold, tuple(parts["train"]), tuple(parts["validation"]), tuple(parts["test"]))


def save(fold: Fold, path: Path) -> None:
    """Writes the subject lists, and what was left out, as JSON, beside first and then renamed."""
    files.write_text(path, json.dumps(asdict(fold), indent=2) + "\n")


def load(path: Path) -> Fold:
    """Reads what `save` wrote.

    Raises:
      UserError: when it is missing, damaged, or its parts share subjects.
    """
    try:
        tree = files.read_json(path)
        train, validation, test = (tuple(tree[part]) for part in ("train", "validation", "test"))
        return Fold(tree["fold"], train, validation, test, tree.get("undetected", {}))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; expected a run folder made by train.py --workdir=…") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not a list of subjects ({error}); train again into a new --workdir") from None
