"""Groups of people in an audit: who they are, what is known of them, and which of their pictures are looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ifgan_tf.data.built_sets import Faces, iterate, open_builder

ATTRIBUTES = ("ethnicity", "gender", "race", "age")


@dataclass(frozen=True)
class Group:
    """Who and what is in a set of pictures: [N] each.

    Attributes:
      subjects: int, from 0.
      labels: int, expressions.
      attributes: name → str [N]; an empty value is unknown.
    """

    subjects: np.ndarray
    labels: np.ndarray
    attributes: Mapping[str, np.ndarray]

    @staticmethod
    def of(faces: Faces, attributes: Mapping[str, Mapping[str, str]]) -> Group:
        """The group of some faces; `attributes` is name → source → value."""
        known = {
            name: np.array([values.get(source, "") for source in faces.sources.tolist()])
            for name, values in attributes.items()
        }
        return Group(np.unique(faces.subjects, return_inverse=True)[1], faces.labels, known)

    def part(self, images: slice) -> Group:
        """Some of the images."""
        attributes = {name: values[images] for name, values in self.attributes.items()}
        return Group(self.subjects[images], self.labels[images], attributes)

    @property
    def people(self) -> int:
        return int(self.subjects.max()) + 1


def balanced(faces: Faces, most: int) -> Faces:
    """At most `most` faces, the same number of every person's every expression as far as they go, at least one."""
    keys = np.char.add(np.char.add(faces.subjects.astype(str), "\n"), faces.labels.astype(str))
    order = np.random.default_rng(0).permutation(len(faces))
    rank = np.zeros(len(faces), int)
    taken: dict[str, int] = {}
    for index in order:
        rank[index] = taken.get(keys[index], 0)
        taken[keys[index]] = rank[index] + 1
    sizes = np.cumsum(np.bincount(rank))
    limit = max(1, int(np.searchsorted(sizes, most, side="right")))
    return faces.select(rank < limit)


def read_attributes(dataset: str, data_dir: str, classes: Sequence[str]) -> dict[str, dict[str, str]]:
    """What a built data set says of people beside their expression: name → source → value."""
    names = [name for name in ATTRIBUTES if name in open_builder(dataset, data_dir).info.features]
    found: dict[str, dict[str, str]] = {name: {} for name in names}
    if names:
        for example in iterate(dataset, data_dir, "train", classes):
            for name in names:
                value = example[name]
                found[name][example["source"].decode()] = value.decode() if isinstance(value, bytes) else str(value)
    return found
