"""Aligned faces of a built data set, in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ifgan_tf import files, labels
from ifgan_tf.data.built_features import refuse_other_features
from ifgan_tf.data.built_images import bounded
from ifgan_tf.errors import UserError
from ifgan_tf.faces.geometry import resize, working_size


@dataclass(frozen=True)
class Faces:
    """Aligned faces and what is known of each, in the order of the data set.

    Attributes:
      images: uint8 [N, W, W, 3], RGB, before cropping (see `working_size`).
      labels: int32 [N], in the order of the run's classes.
      subjects, sources: str [N]; pictures of one video have one source.
      frames: int32 [N], position in the recording, 0 for a still image.
      recordings: str [N], the subject and which recording of theirs: pictures of one recording are much alike.
      detected: bool [N], False where no face was found and the fallback crop was used.
      intensities: int32 [N], the grade of the expression, 1 to 4; 0 where the data set does not tell, and of neutral.
    """

    images: np.ndarray
    labels: np.ndarray
    subjects: np.ndarray
    recordings: np.ndarray
    sources: np.ndarray
    frames: np.ndarray
    detected: np.ndarray
    intensities: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def units(self, fold_by: str) -> np.ndarray:
        """What a fold never splits, str [N]: the `subject` (where no one says who it is, the image's own name), or the
        `recording`."""
        if fold_by == "recording":
            return self.recordings
        own = [PurePosixPath(source).name for source in self.sources.tolist()]
        return np.where(self.subjects == "", np.array(own, str), self.subjects)

    def select(self, mask: np.ndarray) -> Faces:
        """The faces where `mask`, bool [N], holds."""
        return Faces(*(getattr(self, name)[mask] for name in self.__dataclass_fields__))

    @staticmethod
    def join(parts: Sequence[Faces]) -> Faces:
        """The faces of several sets, of one size, one after the other."""
        if len(parts) == 1:
            return parts[0]
        return Faces(*(np.concatenate([getattr(part, name) for part in parts]) for name in Faces.__dataclass_fields__))


def load_faces(dataset: str, data_dir: str, split: str, classes: Sequence[str], image_size: int) -> Faces:
    """Reads a built data set.

    Args:
      dataset: name, or name/configuration.
      data_dir: folder of built data sets.
      split: `train`, `test` (raf_db alone has it), or `all`.
      classes: of the run; images of other expressions are left out. The data set may lack some.
      image_size: of the model; images are resampled to `working_size` of it.

    Raises:
      UserError: when the data set has not been built.
    """
    from ifgan_tf import progress

    side, columns = working_size(image_size), defaultdict[str, list[Any]](list)
    # One array from the start: a list of RAF-DB's images and their stack would take twice three gigabytes at 224.
    builder = open_builder(dataset, data_dir)
    images = np.empty((_count(builder, split), side, side, 3), np.uint8)
    examples = _decoded(builder, split, classes)
    for index, example in enumerate(progress.bar(examples, desc=f"reading {dataset}", unit="img", leave=False)):
        images[index] = resize(example["image"], side)
        columns["labels"].append(example["label"])
        columns["subjects"].append(example["subject"].decode())
        columns["recordings"].append(recording_of(example))
        columns["sources"].append(example["source"].decode())
        columns["frames"].append(example["frame"])
        columns["detected"].append(was_detected(example))
        columns["intensities"].append(example["intensity"])
    return Faces(
        images=images[: len(columns["labels"])],
        labels=np.array(columns["labels"], np.int32),
        subjects=np.array(columns["subjects"], str),
        recordings=np.array(columns["recordings"], str),
        sources=np.array(columns["sources"], str),
        frames=np.array(columns["frames"], np.int32),
        detected=np.array(columns["detected"], bool),
        intensities=np.array(columns["intensities"], np.int32),
    )


def iterate(dataset: str, data_dir: str, split: str, classes: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The examples of a built data set as NumPy values, those of the `classes`; `label` counts them.

    Raises:
      UserError: when the data set has not been built.
    """
    return _decoded(open_builder(dataset, data_dir), split, classes)


def recording_of(example: Mapping[str, Any]) -> str:
    """Whose recording an example is of, and which; the numbers of recordings may repeat from one person to the next."""
    return f"{example['subject'].decode()}/{example['sequence'].decode()}"


def was_detected(example: Mapping[str, Any]) -> bool:
    """Whether a face was found in an example's picture; else its image is the fallback crop."""
    return bool(example["detection_confidence"] > 0)


def open_builder(dataset: str, data_dir: str) -> Any:
    """The TFDS builder of a built data set; its code need not be importable.

    Raises:
      UserError: when the data set has not been built, or its description asks for code that is not TFDS' own.
    """
    from etils import epath
    from tensorflow_datasets.core import dataset_builder, read_only_builder, utils

    # From the files alone: tfds.builder and tfds.core.builder_from_files also ask whatever builder of that name happens
    # to be imported, and look where *its* default configuration would be.
    name, _, config = dataset.partition("/")
    folder = epath.Path(files.plain(Path(data_dir).expanduser())) / name
    try:
        folder = folder / (config or dataset_builder.load_default_config_name(folder) or "")
        newest = folder / str(utils.version.list_all_versions(folder)[-1])
        refuse_other_features(Path(newest))
        return read_only_builder.builder_from_directory(newest)
    except (IndexError, ValueError, AssertionError, OSError):
        raise UserError(
            f"--dataset={dataset}: not built in --data_dir={data_dir}. Build it with: "
            f"python -m datasets.build --dataset={dataset} --manual_dir=YOUR_COPY --data_dir={data_dir}"
        ) from None


def _count(builder: Any, split: str) -> int:
    return sum(info.num_examples for name, info in builder.info.splits.items() if split in (name, "all"))


def _decoded(builder: Any, split: str, classes: Sequence[str]) -> Iterator[dict[str, Any]]:
    number = {labels.EXPRESSIONS.index(name): label for label, name in enumerate(classes)}
    examples = builder.as_dataset(split=split, shuffle_files=False, decoders=bounded())
    for example in examples.as_numpy_iterator():
        if (label := number.get(int(example["label"]))) is not None:
            yield {**example, "label": label}
