"""TFDS builder of RAF-DB's basic subset."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import ClassVar

import tensorflow_datasets as tfds

from datasets import common
from datasets.measured_template import measured_template
from datasets.raf_db import layout
from datasets.records import FaceRecord, Problem


class Builder(tfds.core.GeneratorBasedBuilder):
    """RAF-DB's aligned images as their owners made them, official training and test part."""

    VERSION = tfds.core.Version("1.1.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {
        "1.0.0": "The owners' aligned images of 100x100.",
        "1.1.0": "The same images; beside them template.json, where eyes and nose lie in them.",
    }
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Unpack the basic subset into the manual folder: basic/Image/aligned/ (or basic/Image/aligned.zip),
    basic/EmoLabel/list_patition_label.txt and basic/Annotation/manual/. The data set is given out by the Beijing
    University of Posts and Telecommunications; see this data set's README.md.
    """

    def _info(self) -> tfds.core.DatasetInfo:
        attributes = {
            "gender": tfds.features.ClassLabel(names=list(layout.GENDERS)),
            "race": tfds.features.ClassLabel(names=list(layout.RACES)),
            "age": tfds.features.ClassLabel(names=list(layout.AGES)),
        }
        return self.dataset_info_from_configs(
            features=common.features(attributes, image_size=layout.IMAGE_SIZE), supervised_keys=("image", "label")
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator[common.Example]]:
        return common.splits(self, layout.scan(dl_manager.manual_dir))

    def _generate_examples(
        self, split: str, records: list[FaceRecord], problems: list[Problem]
    ) -> Iterator[common.Example]:
        yield from common.examples_as_given(self, split, records, problems)
        if split == "train":
            template = measured_template(records, layout.IMAGE_SIZE, common.detections_file(self))
            if template is None:
                logging.warning("no face was found in the aligned images: their template is not known")
            else:
                common.write_template(template, self)
