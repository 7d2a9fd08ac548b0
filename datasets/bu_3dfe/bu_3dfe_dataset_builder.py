"""TFDS builder of BU-3DFE."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import ClassVar

import tensorflow_datasets as tfds

from datasets import common
from datasets.bu_3dfe import layout
from datasets.records import FaceRecord, Problem


@dataclasses.dataclass
class Bu3dfeConfig(tfds.core.BuilderConfig):
    """Which of the four intensities are stored."""

    intensities: tuple[int, ...] = layout.PAPER_INTENSITIES


class Builder(tfds.core.GeneratorBasedBuilder):
    """BU-3DFE's frontal photographs, aligned."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {"1.0.0": "Aligned by eye centres and nose tip to 256x256."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Unpack the subjects' archives (F0001.rar ... M0044.rar) into the manual folder, e.g. with `unrar x F0001.rar`,
    `7z x F0001.rar` or `bsdtar -xf F0001.rar`. Expected: F0001/F0001_AN03WH_F2D.bmp and so on, at any depth.
    The data set is given out by Binghamton University; see this data set's README.md.
    """
    BUILDER_CONFIGS: ClassVar[list[Bu3dfeConfig]] = [
        Bu3dfeConfig(name="paper", description="Intensities 03 and 04, as in the paper, and the neutral images."),
        Bu3dfeConfig(
            name="all_intensities",
            description="Intensities 01 to 04 and the neutral images.",
            intensities=layout.ALL_INTENSITIES,
        ),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            features=common.features({"ethnicity": tfds.features.Text()}), supervised_keys=("image", "label")
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator[common.Example]]:
        return common.splits(self, layout.scan(dl_manager.manual_dir, self.builder_config.intensities))

    def _generate_examples(
        self, split: str, records: list[FaceRecord], problems: list[Problem]
    ) -> Iterator[common.Example]:
        return common.aligned_examples(self, split, records, problems)
