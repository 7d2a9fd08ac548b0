import keras
import numpy as np
import pytest
import tensorflow as tf

from ifgan_tf.models.normalization import BatchNormalization

X = 3.0 + 2.0 * tf.random.stateless_normal((4, 5, 6, 8), (1, 2))
ELEMENTS = 4 * 5 * 6


def pair():
    """Ours and Keras', with the same random weights."""
    layers = [kind(momentum=0.8, epsilon=1e-5) for kind in (BatchNormalization, keras.layers.BatchNormalization)]
    generator = np.random.default_rng(0)
    values = [generator.uniform(0.5, 1.5, 8) for _ in range(4)]
    for layer in layers:
        layer.build(X.shape)
        layer.set_weights(values)
    return layers


def value_and_gradients(layer, training):
    with tf.GradientTape() as tape:
        tape.watch(X)
        y = layer(X, training=training)
        loss = tf.reduce_sum(y**3)
    return [y, *tape.gradient(loss, [X, layer.gamma.value, layer.beta.value])]


@pytest.mark.parametrize("training", [False, True])
def test_value_and_gradients_are_keras(training):
    for one, other in zip(*(value_and_gradients(layer, training) for layer in pair()), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3)


def test_moving_averages_are_keras_but_for_the_unbiased_variance():
    ours, kerass = pair()
    variance = ours.moving_variance.numpy()
    ours(X, training=True)
    kerass(X, training=True)
    np.testing.assert_allclose(ours.moving_mean, kerass.moving_mean, rtol=1e-5)
    batch = (kerass.moving_variance.numpy() - 0.8 * variance) / 0.2
    np.testing.assert_allclose(
        ours.moving_variance, 0.8 * variance + 0.2 * batch * ELEMENTS / (ELEMENTS - 1), rtol=1e-5
    )


def test_frozen_it_uses_its_moving_averages():
    layer, _ = pair()
    before = layer.get_weights()
    expected = layer(X, training=False)
    layer.trainable = False
    np.testing.assert_array_equal(layer(X, training=True), expected)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_bfloat16_keeps_statistics_in_float32():
    layer = BatchNormalization(dtype="mixed_bfloat16")
    assert layer(X, training=True).dtype == tf.bfloat16
    assert layer.moving_mean.dtype == "float32"
    mean = tf.reduce_mean(tf.cast(tf.cast(X, tf.bfloat16), tf.float32), (0, 1, 2))
    np.testing.assert_allclose(layer.moving_mean, 0.01 * mean, rtol=1e-3)
