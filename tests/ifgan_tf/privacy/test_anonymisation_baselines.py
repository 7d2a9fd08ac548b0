"""Blurred and pixelated faces."""

from __future__ import annotations

import numpy as np

from ifgan_tf.privacy import anonymisation_baselines

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)


def test_the_stronger_the_blur_the_less_is_left():
    spreads = [anonymisation_baselines.blur(IMAGES, share).std() for share in anonymisation_baselines.BLURS.values()]
    assert list(anonymisation_baselines.BLURS) == ["blurred_light", "blurred", "blurred_strong"]
    assert IMAGES.std() > spreads[0] > spreads[1] > spreads[2] > 0


def test_blur_keeps_plain_faces_and_colours():
    plain = np.full((1, 64, 64, 3), (200, 10, 30), np.uint8)
    np.testing.assert_array_equal(anonymisation_baselines.blur(plain, 0.05), plain)


def test_pixelated_faces_have_eight_blocks_each_way_of_the_mean_colour():
    blocks = anonymisation_baselines.pixelate(IMAGES)
    assert blocks.shape == IMAGES.shape and blocks.dtype == np.uint8
    tiles = blocks.reshape(2, 8, 8, 8, 8, 3)
    np.testing.assert_array_equal(tiles, np.broadcast_to(tiles[:, :, :1, :, :1], tiles.shape))
    means = IMAGES.reshape(2, 8, 8, 8, 8, 3).mean(axis=(2, 4))
    assert np.abs(tiles[:, :, 0, :, 0] - means).max() <= 1
