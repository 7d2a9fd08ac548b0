"""One whole step at the default configuration, the paper's: ResNet-101, 224 pixels, pairs."""

from __future__ import annotations

import re

import numpy as np
import pytest
import tensorflow as tf
from from_config import trainer_of
from tiny import changed

from ifgan_tf.config import Config

# Biases that change nothing: batch normalisation takes them out again; added to a key, the same is added to a whole row
# before its softmax. They are 0 and have a gradient of rounding errors alone.
IDLE = re.compile(r"key/bias|_conv/bias|(down[2-5]|up\d|conv[2-4])/bias")


@pytest.mark.slow
def test_a_step_moves_every_variable_of_g_d_and_e():
    config = changed(Config(), classifier_weights="none", batch_size=2)
    generator = np.random.default_rng(0)
    one = trainer_of(config, tf.constant(generator.uniform(-1, 1, (6, 224, 224, 3)), tf.float32))
    for place in ("encoder", "skip", "decoder"):  # at γ = 0 nothing inside has a gradient
        one.networks.generator.get_layer(f"attention_{place}").gamma.assign(0.5)
    variables = [variable for model in one.networks for variable in model.trainable_variables]
    before = [variable.numpy() for variable in variables]
    images = tf.constant(generator.integers(0, 256, (2, 224, 224, 3)), tf.uint8)

    metrics = {name: float(value) for name, value in one.step(images, tf.constant([1, 4])).items()}

    assert {"gan_generator", "gan_discriminator", "l1", "softmax", "island", "loss", "gradient_norm"} <= set(metrics)
    assert [name for name, value in metrics.items() if not np.isfinite(value)] == []
    moves = {
        variable.path: np.abs(variable.numpy() - old).max() for variable, old in zip(variables, before, strict=True)
    }
    still = [path for path, by in moves.items() if not 0.1e-4 < by < 1.1e-4]  # Adam's first step is the rate, 1e-4
    assert [path for path in still if not IDLE.search(path)] == []
    centres = one.centres.variable.numpy()
    assert (np.abs(centres[[1, 4]]).max(axis=1) > 0).all() and not centres[[0, 2, 3, 5]].any()
