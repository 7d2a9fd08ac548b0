"""The images of one run: its fold of the data set, other sets beside it, and never a test image among them (§4.3)."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ifgan_tf.config import DataConfig
from ifgan_tf.data import folds
from ifgan_tf.data.built_sets import Faces, fit, iterate, load_faces, open_builder, recording_of, was_detected
from ifgan_tf.data.folds import Fold
from ifgan_tf.errors import UserError

_NAMED = 20  # shared images that an error names


@dataclasses.dataclass(frozen=True)
class Splits:
    """What a run learns from.

    Attributes:
      fold: who is in which part.
      train: images of the fold's training subjects and of the additional sets, those in which a face was found, but
        for expressions weaker than `min_intensity`.
      validation: images of the fold's validation subjects; none with `--validation=none`.
    """

    fold: Fold
    train: Faces
    validation: Faces


def with_built_sets(data: DataConfig) -> DataConfig:
    """The settings with those additional data sets that are built; the others are warned of.

    A run folder keeps the result, so that reports say what the run was really trained on.
    """
    built = []
    for name in data.additional:
        try:
            open_builder(name, data.data_dir)
            built.append(name)
        except UserError:
            logging.warning(
                "additional data: %s is not built in --data_dir=%s; training WITHOUT it. To add it: "
                "python -m datasets.build --dataset=%s --manual_dir=YOUR_COPY --data_dir=%s, and a new --workdir",
                *(name, data.data_dir, name, data.data_dir),
            )
    return dataclasses.replace(data, additional_data=",".join(built))


def load(data: DataConfig, fold: int, cache_gb: float = 0.0) -> Splits:
    """Reads everything a run learns from: the images into memory, or from files where they do not fit `cache_gb`.

    Raises:
      UserError: when a data set is not built, or an image to train or validate on is also a test image.
    """
    beside = [(name, split) for name in data.additional for split in ("train", "test")]
    held = fit([(data.dataset, "all"), *beside], data.data_dir, data.image_size, cache_gb)
    images = load_faces(data.dataset, data.data_dir, "all", data.class_names, data.image_size, held)
    subjects = folds.fold_of(data.dataset, images, fold, data.fold_by)
    if data.validation == "none":
        subjects = folds.without_validation(subjects)
    masks = subjects.masks(images.units(data.fold_by))
    undetected = {data.dataset: int(np.sum(masks["train"] & ~images.detected))}
    masks["train"] &= images.detected & _shown(images.intensities, data)
    part = {name: images.select(mask) for name, mask in masks.items()}
    additional = []
    for name in data.additional:
        faces = _additional(data, name, "train", held)
        undetected[name] = int(np.sum(~faces.detected))
        learnt = faces.detected & _shown(faces.intensities, data)
        additional.append(faces if learnt.all() else faces.select(learnt))
    subjects = dataclasses.replace(subjects, undetected=_some(undetected))
    _refuse_absence(data, fold, part, additional)
    named = {name: _named(faces, data.dataset) for name, faces in part.items()}
    tests = [_additional(data, name, "test", held) for name in data.additional if not folds.has_folds(name)]
    refuse_shared_images([named["train"], named["validation"], *additional], [named["test"], *tests])
    return Splits(subjects, Faces.join([part["train"], *additional]), part["validation"])


def _shown(grades: np.ndarray, data: DataConfig) -> np.ndarray:
    """Which expressions are strong enough to be learnt from; what has no grade is."""
    return (grades == 0) | (grades >= data.min_intensity)


def _some(undetected: dict[str, int]) -> dict[str, int]:
    """The data sets with training images in which no face was found, which the log names."""
    some = {name: count for name, count in undetected.items() if count}
    for name, count in some.items():
        logging.info(
            "%s: no face was found in %d training images; they are neither trained on nor averaged", name, count
        )
    return some


def _refuse_absence(data: DataConfig, fold: int, part: dict[str, Faces], additional: list[Faces]) -> None:
    """Sees that there is something to train and validate on, and every class to train on."""
    where = f"--dataset={data.dataset}: fold {fold} of what is built in --data_dir={data.data_dir}"
    remedy = "choose another fold, or complete your copy (python -m datasets.check) and build it again"
    for name in ("train",) if data.validation == "none" else ("train", "validation"):
        if not len(part[name]):
            raise UserError(f"{where} has no image in its {name} part; {remedy}")
    shown = {int(label) for faces in (part["train"], *additional) for label in np.unique(faces.labels)}
    absent = [name for label, name in enumerate(data.class_names) if label not in shown]
    if absent:
        beside = f", nor has {data.additional_data}" if data.additional else ""
        rest = ",".join(name for name in data.class_names if name not in absent)
        raise UserError(
            f"{where} has no image of {', '.join(absent)} to train on{beside}; {remedy}; or, where the data set does "
            f"not have them, pass --classes={rest}, or a posed set that has them in --additional_data"
        )


def refuse_shared_images(learnt_from: Iterable[Faces], tests: Iterable[Faces]) -> None:
    """Sees that no test image, by its content, is trained or validated on.

    Raises:
      UserError: naming both files of each pair.
    """
    held_out: dict[bytes, list[str]] = {}
    for digest, source in _digests(tests):
        held_out.setdefault(digest, []).append(source)
    pairs = [(source, test) for digest, source in _digests(learnt_from) for test in held_out.get(digest, [])]
    if pairs:
        more = [f"... and {len(pairs) - _NAMED:,} more"] if len(pairs) > _NAMED else []
        lines = [
            f"{source} would be trained or validated on, and is the same image as the test image {test}"
            for source, test in pairs[:_NAMED]
        ]
        raise UserError(
            f"shared images: {len(pairs):,}; remove one of each pair from your copy and build that data set again"
            + "".join(f"\n  {line}" for line in [*lines, *more])
        )


def average_face_examples(data: DataConfig, fold: Fold) -> Iterator[tuple[np.ndarray, int, int]]:
    """The images that average faces are made of, uint8 [H, W, 3], with their labels and grades (§4.3).

    Those of the fold's training part that are trained on. For RAF-DB, with its varied poses, and for expressions that
    the data set does not have, all such of the additional posed sets.

    Raises:
      UserError: for RAF-DB without a posed set.
    """
    train, shown = set(fold.train), set[int]()
    own = folds.has_folds(data.dataset)

    def learnt_from(name: str) -> Iterator[dict[str, Any]]:
        for example in iterate(name, data.data_dir, "train", data.class_names):
            if was_detected(example) and _shown(example["intensity"], data):
                yield example

    if not own and not data.additional:
        raise UserError(
            f"--additional_data: {data.dataset} takes its average faces from posed sets (paper §4.3) and none is built "
            f"in --data_dir={data.data_dir}; build one or more of bu_3dfe, ck_plus, mmi and name them here"
        )
    if own:
        for example in learnt_from(data.dataset):
            unit = recording_of(example) if data.fold_by == "recording" else example["subject"].decode()
            if unit in train:
                shown.add(example["label"])
                yield example["image"], example["label"], example["intensity"]
    if len(shown) == len(data.class_names):
        return
    for name in filter(folds.has_folds, data.additional):
        for example in learnt_from(name):
            if example["label"] not in shown:
                yield example["image"], example["label"], example["intensity"]


def _additional(data: DataConfig, name: str, split: str, held: bool) -> Faces:
    return _named(load_faces(name, data.data_dir, split, data.class_names, data.image_size, held), name)


def _named(faces: Faces, dataset: str) -> Faces:
    """The same faces with the data set in front of their files."""
    return dataclasses.replace(faces, sources=np.char.add(f"{dataset}: ", faces.sources))


def _digests(parts: Iterable[Faces]) -> Iterator[tuple[bytes, str]]:
    """What stands for each image's content, and its file."""
    for faces in parts:
        yield from zip(faces.images.digests(), faces.sources.tolist(), strict=True)
