from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from from_config import generator_of

from ifgan_tf.models.face_span import AverageFaceSpan
from ifgan_tf.models.generator import SPAN

RANDOM = np.random.default_rng(0)
AVERAGE = RANDOM.uniform(-0.5, 0.5, (6, 8, 8, 3)).astype(np.float32)


@pytest.fixture
def span():
    layer = AverageFaceSpan(6)
    layer.build((None, 8, 8, 3))
    layer.set_average_faces(AVERAGE)
    return layer


def test_average_faces_and_their_mixtures_stay_as_they_are(span):
    np.testing.assert_allclose(span(AVERAGE), AVERAGE, atol=1e-5)
    mixture = np.tensordot([[0.5, 0.2, 0.1, 0.1, 0.3, -0.2]], AVERAGE, 1).astype(np.float32)
    np.testing.assert_allclose(span(mixture), mixture, atol=1e-5)


def test_it_is_the_nearest_mixture(span):
    face = RANDOM.uniform(-0.3, 0.3, (1, 8, 8, 3)).astype(np.float32)
    centred = (AVERAGE - AVERAGE.mean(axis=0)).reshape(6, -1)[:5].T
    amounts = np.linalg.lstsq(centred, (face - AVERAGE.mean(axis=0)).reshape(-1), rcond=None)[0]
    by_hand = AVERAGE.mean(axis=0) + (centred @ amounts).reshape(8, 8, 3)
    np.testing.assert_allclose(span(face)[0], by_hand, atol=1e-5)


def test_detail_that_no_average_face_has_is_gone(span):
    mark = RANDOM.uniform(-0.1, 0.1, AVERAGE[0].shape)
    flat = (AVERAGE - AVERAGE.mean(axis=0)).reshape(6, -1)
    directions = np.linalg.svd(flat, full_matrices=False)[2][:5]
    hidden = (mark.ravel() - directions.T @ (directions @ mark.ravel())).reshape(mark.shape)
    assert np.abs(hidden).max() > 0.05
    np.testing.assert_allclose(span((AVERAGE[2] + hidden)[np.newaxis].astype(np.float32)), AVERAGE[2:3], atol=1e-5)


def test_equal_average_faces_leave_one_face():
    layer = AverageFaceSpan(6)
    layer.build((None, 8, 8, 3))
    layer.set_average_faces(np.repeat(AVERAGE[:1], 6, axis=0))
    face = RANDOM.uniform(-1, 1, (2, 8, 8, 3)).astype(np.float32)
    np.testing.assert_allclose(span_of := layer(face), np.repeat(AVERAGE[:1], 2, axis=0), atol=1e-5)
    assert np.isfinite(span_of).all()


def test_gradients_reach_the_generator_and_the_average_faces_are_not_trained(with_model):
    config = with_model(generator_span=True)
    generator = generator_of(config)
    generator.get_layer(SPAN).set_average_faces(RANDOM.uniform(-0.5, 0.5, (6, 32, 32, 3)))
    with tf.GradientTape() as tape:
        face = generator(RANDOM.uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32), training=True)
        loss = tf.reduce_mean(tf.abs(face))
    gradients = tape.gradient(loss, [variable.value for variable in generator.trainable_variables])
    assert max(float(tf.norm(gradient)) for gradient in gradients) > 0
    assert not generator.get_layer(SPAN).trainable_variables


def test_a_saved_generator_still_knows_the_average_faces(with_model, tmp_path):
    generator = generator_of(with_model(generator_span=True))
    generator.get_layer(SPAN).set_average_faces(RANDOM.uniform(-0.5, 0.5, (6, 32, 32, 3)))
    generator.save(tmp_path / "g.keras")
    photo = RANDOM.uniform(-1, 1, (1, 32, 32, 3)).astype(np.float32)
    np.testing.assert_allclose(keras.models.load_model(tmp_path / "g.keras")(photo), generator(photo), atol=1e-6)


def test_what_rounding_to_bytes_leaves_between_faces_is_not_mixed():
    """The average face of a class is the mean of those of its grades, but for its rounding to bytes."""
    grades = RANDOM.integers(0, 256, (4, 32, 32, 3))
    both = np.concatenate([np.rint(grades[:2].mean(axis=0, keepdims=True)), grades]) / 127.5 - 1
    layer = AverageFaceSpan(6)
    layer.build((None, 32, 32, 3))
    layer.set_average_faces(both)
    directions = np.linalg.norm(np.array(layer.directions), axis=1)
    np.testing.assert_allclose(directions, [1, 1, 1, 0, 0], atol=1e-5)
    np.testing.assert_allclose(layer(both.astype(np.float32))[1:], both[1:], atol=0.01)
