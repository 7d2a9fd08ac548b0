"""TFDS builder of the drawn faces."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import tensorflow_datasets as tfds

from datasets import common
from datasets.records import EXPRESSIVE, NEUTRAL, FaceRecord
from datasets.synthetic_faces.drawing import draw_face, takes
from ifgan_tf.labels import EXPRESSIONS


@dataclasses.dataclass
class SyntheticFacesConfig(tfds.core.BuilderConfig):
    """How many people are drawn."""

    subjects: int = 100


class Builder(tfds.core.GeneratorBasedBuilder):
    """Drawn faces, found and aligned like photographs."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {"1.0.0": "Aligned by eye centres and nose tip to 256x256."}
    BUILDER_CONFIGS: ClassVar[list[SyntheticFacesConfig]] = [
        SyntheticFacesConfig(name="default", description="100 people, 2,100 faces."),
        SyntheticFacesConfig(name="tiny", description="12 people, 252 faces, for trying things out.", subjects=12),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(features=common.features(), supervised_keys=("image", "label"))

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator[common.Example]]:
        return {"train": self._generate_examples("train", records(self.builder_config.subjects))}

    def _generate_examples(self, split: str, faces: list[FaceRecord]) -> Iterator[common.Example]:
        return common.aligned_examples(self, split, faces)


def records(subjects: int) -> list[FaceRecord]:
    """The faces of the first `subjects` people, drawn when they are loaded."""
    return [
        FaceRecord(
            key=f"S{subject:03d}_{expression}_{take:02d}",
            load=functools.partial(_draw, subject, expression, take),
            label=expression,
            subject=f"S{subject:03d}",
            sequence=f"{expression}_{take:02d}",
            intensity=0 if expression == "neutral" else take,
            role=NEUTRAL if expression == "neutral" else EXPRESSIVE,
            source=f"S{subject:03d}/{expression}_{take:02d}",
        )
        for subject in range(subjects)
        for expression in EXPRESSIONS
        for take in takes(expression)
    ]


def _draw(subject: int, expression: str, take: int) -> np.ndarray:
    return draw_face(subject, expression, take).image
