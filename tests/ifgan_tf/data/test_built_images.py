"""Images in the records of a stranger's data set: what is too large is not unpacked."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tiny_sets import example_of, write_built_set

from ifgan_tf.data import built_images, built_sets
from ifgan_tf.data.images import encode_png
from ifgan_tf.labels import BASIC


def head_only(width: int, height: int) -> bytes:
    """A PNG that ends after its head."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


class _Feature:
    """Stands for TFDS' feature."""

    def decode_example(self, data: tf.Tensor) -> tf.Tensor:
        return tf.io.decode_image(data)


@pytest.mark.parametrize(
    "data",
    [
        head_only(30_000, 30_000),
        head_only(2**31 - 1, 1),
        head_only(2**24, 16),
        head_only(0, 9),
        b"GIF89a" + bytes(99),
        b"",
    ],
    ids=["large", "wide", "wider", "empty", "GIF", "nothing"],
)
def test_what_is_no_small_png_is_not_unpacked(data: bytes) -> None:
    decoder = built_images.bounded()["image"]
    decoder.setup(feature=_Feature())
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"no PNG of at most 2048 x 2048 pixels"):
        decoder.decode_example(tf.constant(data))


def test_a_small_png_is(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    decoder = built_images.bounded()["image"]
    decoder.setup(feature=_Feature())
    np.testing.assert_array_equal(decoder.decode_example(tf.constant(encode_png(picture))), picture)


def test_it_is_asked_of_every_built_set(tmp_path: Path) -> None:
    write_built_set(tmp_path, "bu_3dfe", {"train": [example_of("F1", "a.png", 0, np.zeros((2049, 32, 3), np.uint8))]})
    with pytest.raises(tf.errors.InvalidArgumentError, match="no PNG of at most"):
        list(built_sets.iterate("bu_3dfe", str(tmp_path), "train", BASIC))
