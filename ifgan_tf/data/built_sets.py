"""Aligned faces of a built data set: what is known of each in memory, and their images there or in a file."""

from __future__ import annotations

import contextlib
import logging
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ifgan_tf import files, labels
from ifgan_tf.data.built_features import refuse_other_features
from ifgan_tf.data.built_images import bounded
from ifgan_tf.data.decoded import decoded, fingerprint_of
from ifgan_tf.data.pixels import Images
from ifgan_tf.errors import UserError
from ifgan_tf.faces.geometry import resize, working_size


@dataclass(frozen=True)
class Faces:
    """Aligned faces and what is known of each, in the order of the data set.

    Attributes:
      images: uint8 [N, W, W, 3], RGB, before cropping (see `working_size`); in memory, or in a file.
      labels: int32 [N], in the order of the run's classes.
      subjects, sources: str [N]; pictures of one video have one source.
      frames: int32 [N], position in the recording, 0 for a still image.
      recordings: str [N], the subject and which recording of theirs: pictures of one recording are much alike.
      detected: bool [N], False where no face was found and the fallback crop was used.
      intensities: int32 [N], the grade of the expression, 1 to 4; 0 where the data set does not tell, and of neutral.
    """

    images: Images
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
        """The faces where `mask`, bool [N], holds; their images stay where they are."""
        return Faces(self.images.take(mask), *(getattr(self, name)[mask] for name in _COLUMNS))

    @staticmethod
    def join(parts: Sequence[Faces]) -> Faces:
        """The faces of several sets, of one size, one after the other; their images stay where they are."""
        columns = (np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS)
        return Faces(Images.join([part.images for part in parts]), *columns)


_COLUMNS = tuple(name for name in Faces.__dataclass_fields__ if name != "images")
_TYPES = {
    **dict.fromkeys(("subjects", "recordings", "sources", "splits"), str),
    **dict.fromkeys(("labels", "frames", "intensities"), np.int32),
    "detected": bool,
}


def fit(sets: Iterable[tuple[str, str]], data_dir: str, image_size: int, cache_gb: float) -> bool:
    """Whether the images of built data sets, all together, fit into the memory that they may take.

    Args:
      sets: dataset and split of each, as for `load_faces`.
      data_dir: folder of built data sets.
      image_size: of the model.
      cache_gb: see `RunConfig`.

    Raises:
      UserError: when one of them has not been built.
    """
    count = sum(_count(open_builder(dataset, data_dir), split) for dataset, split in sets)
    needed, room = count * 3 * working_size(image_size) ** 2, 1e9 * cache_room(cache_gb)
    if needed > room:
        logging.info("%d images take %.1f GB, and --cache_gb is %.1f: read from disk", count, needed / 1e9, room / 1e9)
    return needed <= room


def load_faces(
    dataset: str, data_dir: str, split: str, classes: Sequence[str], image_size: int, held: bool = True
) -> Faces:
    """Reads a built data set.

    Args:
      dataset: name, or name/configuration.
      data_dir: folder of built data sets.
      split: `train`, `test` (raf_db alone has it), or `all`.
      classes: of the run; images of other expressions are left out. The data set may lack some.
      image_size: of the model; images are resampled to `working_size` of it.
      held: in memory; or else in a file beside the built data set, which is made when missing (see `decoded`).

    Raises:
      UserError: when the data set has not been built; when the file is to be made and cannot be.
    """
    builder, side = open_builder(dataset, data_dir), working_size(image_size)
    if held:
        # One array from the start: a list of RAF-DB's images and their stack would take twice three gigabytes at 224.
        array = np.empty((_count(builder, split), side, side, 3), np.uint8)
        columns = _columns(_decoded(builder, split, classes), dataset, side, array.__setitem__)
        return _faces(Images.of(array[: len(columns["labels"])]), columns)
    folder = _folder(builder, data_dir)
    file, columns = decoded(
        folder / f"decoded_{side}",
        f"{fingerprint_of(folder)} {' '.join(_TYPES)}",
        side,
        _count(builder, "all"),
        lambda keep: _columns(_decoded(builder, "all", labels.EXPRESSIONS), dataset, side, keep),
    )
    number = {labels.EXPRESSIONS.index(name): label for label, name in enumerate(classes)}
    numbers = np.array([number.get(label, -1) for label in columns["labels"].tolist()], np.int32)
    whole = _faces(Images.of(file), {**columns, "labels": numbers})
    return whole.select((numbers >= 0) & np.isin(columns["splits"], _splits(builder, split)))


def _columns(
    examples: Iterable[dict[str, Any]], dataset: str, side: int, keep: Callable[[int, np.ndarray], None]
) -> dict[str, np.ndarray]:
    """What is known of examples, a column a name of `_TYPES`; `keep` is given their numbers and resampled images."""
    from ifgan_tf import progress

    columns = defaultdict[str, list[Any]](list)
    for index, example in enumerate(progress.bar(examples, desc=f"reading {dataset}", unit="img", leave=False)):
        keep(index, resize(example["image"], side))
        columns["labels"].append(example["label"])
        columns["subjects"].append(example["subject"].decode())
        columns["recordings"].append(recording_of(example))
        columns["sources"].append(example["source"].decode())
        columns["splits"].append(example["split"])
        columns["frames"].append(example["frame"])
        columns["detected"].append(was_detected(example))
        columns["intensities"].append(example["intensity"])
    return {name: np.array(columns[name], kind) for name, kind in _TYPES.items()}


def _faces(images: Images, columns: Mapping[str, np.ndarray]) -> Faces:
    return Faces(images, *(columns[name] for name in _COLUMNS))


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


def _folder(builder: Any, data_dir: str) -> Path:
    """Where a built data set lies, under the name that the user knows."""
    known = Path(data_dir).expanduser()
    return known / Path(builder.data_dir).relative_to(files.plain(known))


def _splits(builder: Any, split: str) -> list[str]:
    return [name for name in builder.info.splits if split in (name, "all")]


def _count(builder: Any, split: str) -> int:
    return sum(builder.info.splits[name].num_examples for name in _splits(builder, split))


def _decoded(builder: Any, split: str, classes: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Split by split: what TensorFlow calls `all` goes through the files of several at once."""
    number = {labels.EXPRESSIONS.index(name): label for label, name in enumerate(classes)}
    for name in _splits(builder, split):
        examples = builder.as_dataset(split=name, shuffle_files=False, decoders=bounded())
        for example in examples.as_numpy_iterator():
            if (label := number.get(int(example["label"]))) is not None:
                yield {**example, "label": label, "split": name}


def cache_room(cache_gb: float) -> float:
    """Gigabytes that images may take in memory: `cache_gb`, or if 0 half of the machine's memory."""
    return cache_gb or _memory() / 2e9


def _memory() -> int:
    """Bytes of memory of this machine, or of the container that the process is in."""
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):  # no such kind of group, or "max"
            sizes.append(int(Path(limit).read_text(encoding="ascii")))
    return min(sizes)
