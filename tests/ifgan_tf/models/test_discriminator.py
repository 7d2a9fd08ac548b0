import numpy as np
import pytest
import tensorflow as tf

from ifgan_tf.config import ModelConfig
from ifgan_tf.models.discriminator import build_discriminator


def test_a_logit_sees_70_by_70_pixels(with_model):
    config = ModelConfig(discriminator_width=4, discriminator_batch_norm=False)
    model = build_discriminator(config, 224)
    photo = tf.Variable(np.random.default_rng(0).uniform(-1, 1, (1, 224, 224, 3)).astype(np.float32))
    with tf.GradientTape() as tape:
        logit = model([photo, tf.zeros_like(photo)])[0, 13, 13, 0]
    seen = np.argwhere(np.abs(tape.gradient(logit, photo).numpy()[0]).sum(-1) > 0)
    assert (seen.max(0) - seen.min(0) + 1).tolist() == [70, 70]


def test_patches_of_the_paper():
    assert build_discriminator(ModelConfig(discriminator_width=4), 224).output.shape == (None, 26, 26, 1)


@pytest.mark.parametrize("batch_norm", [True, False])
def test_it_looks_at_both_images(with_model, batch_norm):
    model = build_discriminator(with_model(discriminator_batch_norm=batch_norm).model, 32)
    one, other = (np.random.default_rng(seed).uniform(-1, 1, (1, 32, 32, 3)).astype(np.float32) for seed in (0, 1))
    logits = model([one, other]).numpy()
    assert logits.dtype == np.float32
    assert np.abs(logits - model([one, one]).numpy()).max() > 1e-4
    assert np.abs(logits - model([other, other]).numpy()).max() > 1e-4
    assert any("norm" in layer.name for layer in model.layers) == batch_norm
