"""The convolutional attacker is alike whatever happened in the process before."""

from __future__ import annotations

import random

import keras
import numpy as np
import pytest

from ifgan_tf.privacy.convolutional import Convolutional


def weights() -> list[np.ndarray]:
    return Convolutional(32, background=6, targets=4, expressions=6, seed=3)._embedding.get_weights()


def test_initial_weights_are_those_of_the_seed():
    one = weights()
    random.seed(99)
    for mine, other in zip(one, weights(), strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.fixture
def mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy("float32")


def test_they_compute_in_float32_whatever_was_trained_before(mixed_precision):
    attacker = Convolutional(32, background=6, targets=4, expressions=6, seed=3)
    assert {layer.compute_dtype for layer in attacker._embedding.layers} == {"float32"}
    assert keras.config.dtype_policy().name == "mixed_bfloat16"
