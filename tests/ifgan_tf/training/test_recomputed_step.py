"""A step with `recompute` leaves what a step without it leaves."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from from_config import trainer_of
from tiny import tiny_config

from ifgan_tf.models.networks import trackables

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype(np.uint8)
AVERAGE_FACES = np.random.default_rng(1).uniform(-1, 1, (6, 32, 32, 3)).astype(np.float32)


@pytest.mark.parametrize("settings", [{"classifier_input": "pair"}, {"classifier_input": "input"}])
def test_weights_moments_and_moving_statistics_are_the_same(settings):
    left = []
    for recompute in (False, True):
        config = tiny_config(**settings, recompute=recompute, batch_size=4, learning_rate=1e-3)
        trainer = trainer_of(config, tf.constant(AVERAGE_FACES))
        for _ in range(2):
            metrics = trainer.step(tf.constant(IMAGES), tf.constant([0, 1, 2, 2]))
        weights = [weight for network in trackables(trainer.networks).values() for weight in network.weights]
        values = [(one.path, one.numpy()) for one in [*weights, *trainer.optimizer.variables]]
        left.append([*values, ("centres", trainer.centres.variable.numpy()), ("loss", metrics["loss"].numpy())])
    kept, again = left
    assert sum("moving" in path for path, _ in kept) >= 8
    for (path, value), (_, other) in zip(kept, again, strict=True):
        np.testing.assert_allclose(other, value, rtol=1e-4, atol=1e-5, err_msg=path)
