import keras
import numpy as np
import pytest
from keras import layers

from ifgan_tf.models.networks import Networks
from ifgan_tf.training.weight_norms import trainable_weights, weight_norms


def test_norms_by_hand():
    before = {"generator": [np.array([3.0, 0.0]), np.array([[4.0]])], "classifier": [np.array([2.0])]}
    after = {"generator": [np.array([3.0, 0.6]), np.array([[4.8]])], "classifier": [np.array([2.0])]}
    norms = weight_norms(before, after)
    assert norms["updates"] == pytest.approx({"generator": 1.0 / 5.0, "classifier": 0.0})
    assert norms["weights"] == pytest.approx({"generator": np.sqrt(9 + 0.36 + 23.04), "classifier": 2.0})


def test_weights_are_copied_and_only_those_that_are_trained():
    frozen, trained = (
        keras.Sequential([keras.Input((2,)), layers.Dense(1), layers.BatchNormalization()]) for _ in "ab"
    )
    frozen.trainable = False
    weights = trainable_weights(Networks(None, frozen, trained))
    assert set(weights) == {"classifier"} and len(weights["classifier"]) == 4
    before = weights["classifier"][0].copy()
    trained.trainable_variables[0].assign_add([[1.0], [1.0]])
    np.testing.assert_array_equal(weights["classifier"][0], before)
