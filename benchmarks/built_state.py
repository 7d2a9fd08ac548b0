"""Whether two builds of a data set are the same."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np

from ifgan_tf.data.built_sets import open_builder


def differences(dataset: str, one: Path, other: Path) -> int:
    """The number of examples that are not the same in two built data sets, in every feature.

    Their files are not compared: an example is a map, and every process writes the entries of a map in an order of its
    own.
    """
    import tensorflow_datasets as tfds

    builders = [open_builder(dataset, str(folder)) for folder in (one, other)]
    different = 0
    for split in builders[0].info.splits:
        # One by one: all of CREMA-D's images, decoded and twice, are nine gigabytes.
        examples = [tfds.as_numpy(builder.as_dataset(split=split)) for builder in builders]
        for a, b in itertools.zip_longest(*examples):
            different += a is None or b is None or any(not np.array_equal(a[name], b[name]) for name in a)
    return different
