"""TFDS builder of CREMA-D."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import ClassVar

import tensorflow_datasets as tfds
from etils import epath
from tensorflow_datasets.core.download import checksums

from datasets import common
from datasets.crema_d import download, layout, owner_tables
from datasets.crema_d.frames import DEFAULT_FRAMES, MOST_FRAMES
from datasets.records import FaceRecord, Problem

_DESCRIPTIONS = {
    "intended": "All clips, labelled with the emotion that the actor was asked for.",
    "rated": "The clips in which raters who saw the face alone named the intended emotion.",
}


@dataclasses.dataclass
class CremaDConfig(tfds.core.BuilderConfig):
    """Which clips are used, and how many frames of each."""

    rated: bool = False
    frames_per_clip: int = DEFAULT_FRAMES


def config_name(clips: str, frames_per_clip: int) -> str:
    """The configuration of `intended` or `rated` clips with that many frames of each: the number is part of the name,
    but for the default one, so that a set that is built with another is never taken for it."""
    return clips if frames_per_clip == DEFAULT_FRAMES else f"{clips}_{frames_per_clip}_frames"


# The name is TFDS' own for a data set of the voices: not registered, so that neither is in the other's way.
class Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
    """CREMA-D's frames, aligned."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {"1.0.0": "Aligned by eye centres and nose tip to 256x256."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
    Clone CheyneyComputerScience/CREMA-D with git-lfs into the manual folder. Expected: VideoFlash/1001_DFA_ANG_XX.flv
    and so on, SentenceFilenames.csv, VideoDemographics.csv, processedResults/summaryTable.csv, at any depth. Without a
    manual folder the build downloads them; see this data set's README.md.
    """
    MAX_SIMULTANEOUS_DOWNLOADS = download.AT_A_TIME
    BUILDER_CONFIGS: ClassVar[list[CremaDConfig]] = [
        CremaDConfig(
            name=config_name(clips, frames),
            description=f"{description} {frames} frames of each.",
            rated=clips == "rated",
            frames_per_clip=frames,
        )
        for frames in sorted(range(1, MOST_FRAMES + 1), key=lambda frames: frames != DEFAULT_FRAMES)
        for clips, description in _DESCRIPTIONS.items()
    ]

    @tfds.core.utils.classproperty
    @classmethod
    def url_infos(cls) -> dict[str, checksums.UrlInfo]:
        """What TFDS checks the downloads by: our table has a line a file, its own `checksums.tsv` one an address."""
        return download.url_infos()

    def _info(self) -> tfds.core.DatasetInfo:
        attributes = {name: tfds.features.Text() for name in (*owner_tables.ATTRIBUTES, "sentence")}
        return self.dataset_info_from_configs(features=common.features(attributes), supervised_keys=("image", "label"))

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator[common.Example]]:
        wanted = self.builder_config.rated, self.builder_config.frames_per_clip
        if (copy := _copy(dl_manager)) is not None:
            return common.splits(self, layout.scan(copy, *wanted))
        return common.splits(self, layout.scan_files(*download.fetch(dl_manager), "the download", *wanted))

    def _generate_examples(
        self, split: str, records: list[FaceRecord], problems: list[Problem]
    ) -> Iterator[common.Example]:
        return common.aligned_examples(self, split, records, problems)


def _copy(dl_manager: tfds.download.DownloadManager) -> epath.Path | None:
    """The user's copy; None if no folder was given. TFDS then names one that may hold copies of other data sets."""
    try:
        folder = dl_manager.manual_dir
    except AssertionError:  # no such folder, or an empty one
        return None
    return None if folder == dl_manager.download_dir / "manual" else folder
