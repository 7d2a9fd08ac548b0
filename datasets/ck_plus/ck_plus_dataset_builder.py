"""TFDS builder of CK+."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import tensorflow_datasets as tfds

from datasets import common
from datasets.ck_plus import layout
from datasets.records import FaceRecord, Problem


class Builder(tfds.core.GeneratorBasedBuilder):
    """CK+'s peak and neutral frames, aligned."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {"1.0.0": "Aligned by eye centres and nose tip to 256x256."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Put extended-cohn-kanade-images.zip and Emotion_labels.zip into the manual folder, or unpack them there
    (cohn-kanade-images/ and Emotion/). The data set is given out by the University of Pittsburgh; see this data set's
    README.md.
    """

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(features=common.features(), supervised_keys=("image", "label"))

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator[common.Example]]:
        return common.splits(self, layout.scan(dl_manager.manual_dir))

    def _generate_examples(
        self, split: str, records: list[FaceRecord], problems: list[Problem]
    ) -> Iterator[common.Example]:
        return common.aligned_examples(self, split, records, problems)
