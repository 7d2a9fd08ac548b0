"""TFDS builder of the synthetic faces."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
import shutil
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from datasets import common
from datasets.records import EXPRESSIVE, NEUTRAL, FaceRecord
from datasets.synthetic_faces import kept
from datasets.synthetic_faces.action_units import ACTION_UNITS
from datasets.synthetic_faces.expressions import GRADES
from datasets.synthetic_faces.person import AGES, ANCESTRIES, GENDERS
from ifgan_tf.labels import EXPRESSIONS

GROUPS = {"age": AGES, "gender": GENDERS, "ancestry": ANCESTRIES}


@dataclasses.dataclass
class SyntheticFacesConfig(tfds.core.BuilderConfig):
    """How many people, and which grades of intensity of every expression (as many neutral pictures)."""

    subjects: int = 150
    grades: tuple[int, ...] = GRADES[1:]


class Builder(tfds.core.GeneratorBasedBuilder):
    """Faces of people who do not exist, found and aligned like photographs."""

    VERSION = tfds.core.Version("2.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {
        "1.0.0": "Aligned by eye centres and nose tip to 256x256.",
        "2.0.0": "Rendered people, expressions as distributions; action units, strength, groups, pose, true landmarks.",
    }
    BUILDER_CONFIGS: ClassVar[list[SyntheticFacesConfig]] = [
        SyntheticFacesConfig(name="default", description="150 people, 3,150 faces."),
        SyntheticFacesConfig(name="tiny", description="12 people, 252 faces, for trying things out.", subjects=12),
        SyntheticFacesConfig(
            name="large",
            description="1,000 people, 28,000 faces from barely visible to full, for a model that is used.",
            subjects=1000,
            grades=GRADES,
        ),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        truth = {
            "action_units": tfds.features.Tensor(shape=(len(ACTION_UNITS), 2), dtype=np.float32),
            "strength": np.float32,
            "pose": tfds.features.Tensor(shape=(3,), dtype=np.float32),
            "true_landmarks": tfds.features.Tensor(shape=(5, 2), dtype=np.float32),
        }
        groups = {name: tfds.features.ClassLabel(names=list(values)) for name, values in GROUPS.items()}
        return self.dataset_info_from_configs(
            features=common.features({**groups, **truth}), supervised_keys=("image", "label")
        )

    @property
    def _kept(self) -> pathlib.Path:
        """Where pictures wait until the data set is complete."""
        return pathlib.Path(self.data_dir_root, ".pictures", f"{self.name}-{self.builder_config.name}-{kept.version()}")

    def _download_and_prepare(self, *arguments: Any, **options: Any) -> None:
        super()._download_and_prepare(*arguments, **options)
        shutil.rmtree(self._kept, ignore_errors=True)

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator[common.Example]]:
        return {"train": self._generate_examples("train", records(self.builder_config, self._kept))}

    def _generate_examples(self, split: str, faces: list[FaceRecord]) -> Iterator[common.Example]:
        return common.aligned_examples(self, split, faces)


def records(config: SyntheticFacesConfig, folder: pathlib.Path) -> list[FaceRecord]:
    """The faces of a configuration, made when they are loaded, and kept in a folder."""
    return [
        FaceRecord(
            key=f"S{subject:03d}_{expression}_{take:02d}",
            load=functools.partial(_image, folder, subject, expression, take),
            describe=functools.partial(_truth, folder, subject, expression, take),
            label=expression,
            subject=f"S{subject:03d}",
            sequence=f"{expression}_{take:02d}",
            intensity=0 if expression == "neutral" else take,
            role=NEUTRAL if expression == "neutral" else EXPRESSIVE,
            source=f"S{subject:03d}/{expression}_{take:02d}",
        )
        for subject in range(config.subjects)
        for expression in EXPRESSIONS
        for take in config.grades
    ]


# `load` and `describe` ask for the same picture, one after the other: it is read and decoded once.
_picture = functools.lru_cache(maxsize=1)(kept.kept_picture)


def _image(folder: pathlib.Path, subject: int, expression: str, take: int) -> np.ndarray:
    return _picture(folder, subject, expression, take).image


def _truth(folder: pathlib.Path, subject: int, expression: str, take: int) -> dict[str, Any]:
    return _picture(folder, subject, expression, take).truth
