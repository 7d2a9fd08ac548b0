"""Every equation against numbers worked by hand in NumPy."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from ifgan_tf import losses
from ifgan_tf.config import LossConfig


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-np.asarray(z, float)))


def test_eq1_weighs_the_four_terms():
    terms = {
        name: tf.constant(value)
        for name, value in (("gan_generator", 2.0), ("l1", 3.0), ("softmax", 5.0), ("island", 7.0))
    }
    assert losses.total_loss(terms, LossConfig()).numpy() == pytest.approx(1 * 2 + 20 * 3 + 10 * 5 + 1 * 7)


def test_eq1_of_the_baseline_has_no_generator_terms():
    terms = {"softmax": tf.constant(5.0), "island": tf.constant(7.0)}
    assert losses.total_loss(terms, LossConfig()).numpy() == pytest.approx(57.0)


@pytest.mark.parametrize("shape", [(4,), (2, 2, 1, 1), (1, 2, 2, 1)])
def test_eq2_is_log_likelihood_in_any_patch_shape(shape):
    real, fake = np.array([2.0, -1.0, 0.5, 3.0], np.float32), np.array([-2.0, 1.0, 0.0, -0.5], np.float32)
    terms = losses.gan_loss(tf.reshape(real, shape), tf.reshape(fake, shape))
    assert terms["gan_real"].numpy() == pytest.approx(-np.mean(np.log(sigmoid(real))), rel=1e-6)
    assert terms["gan_fake"].numpy() == pytest.approx(-np.mean(np.log(1 - sigmoid(fake))), rel=1e-6)
    assert terms["gan_generator"].numpy() == pytest.approx(-np.mean(np.log(sigmoid(fake))), rel=1e-6)
    assert terms["gan_discriminator"].numpy() == pytest.approx((terms["gan_real"] + terms["gan_fake"]).numpy())


def test_eq2_stays_finite_for_a_sure_discriminator():
    terms = losses.gan_loss(tf.constant([200.0]), tf.constant([-200.0]))
    assert terms["gan_discriminator"].numpy() == pytest.approx(0.0)
    assert terms["gan_generator"].numpy() == pytest.approx(200.0)


def test_eq3_is_the_mean_absolute_difference():
    average = np.zeros((2, 2, 2, 3), np.float32)
    generated = average.copy()
    generated[0, 0, 0] = [0.3, -0.6, 0.9]
    assert losses.l1_loss(average, generated)["l1"].numpy() == pytest.approx(1.8 / 24)


def test_eq4_adds_both_tuples():
    labels = np.array([0, 2])
    real, fake = np.array([[2.0, 0, 0], [0, 1.0, 3.0]], np.float32), np.array([[0, 0, 0], [0, 0, 1.0]], np.float32)

    def cross_entropy(logits):
        probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        return -np.mean(np.log(probabilities[[0, 1], labels]))

    terms = losses.softmax_loss(labels, real, fake)
    assert terms["softmax_real"].numpy() == pytest.approx(cross_entropy(real), rel=1e-6)
    assert terms["softmax_generated"].numpy() == pytest.approx(cross_entropy(fake), rel=1e-6)
    assert terms["softmax"].numpy() == pytest.approx(cross_entropy(real) + cross_entropy(fake), rel=1e-6)
    assert losses.softmax_loss(labels, real)["softmax"].numpy() == pytest.approx(cross_entropy(real), rel=1e-6)


def test_smoothed_labels_are_those_of_keras():
    labels = tf.constant([0, 2])
    logits = tf.constant([[2.0, 0, 0], [0, 1.0, 3.0]])
    smoothed = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2)
    expected = float(smoothed(tf.one_hot(labels, 3), logits))
    assert float(losses.softmax_loss(labels, logits, smoothing=0.2)["softmax"]) == pytest.approx(expected, rel=1e-6)
    assert expected > float(losses.softmax_loss(labels, logits)["softmax"])


FEATURES = np.array([[1.0, 2.0], [3.0, 0.0], [0.0, 1.0]], np.float32)
LABELS = np.array([0, 1, 0])
CENTRES = np.array([[1.0, 0.0], [0.0, 2.0], [-1.0, -1.0]], np.float32)


def island_by_hand(reduction, alpha):
    distances = [np.sum((x - CENTRES[y]) ** 2) for x, y in zip(FEATURES, LABELS, strict=True)]
    centre = sum(distances) if reduction == "sum" else sum(distances) / 3
    pairs = 0.0
    for j in range(3):
        for k in range(3):
            if j != k:
                cosine = CENTRES[k] @ CENTRES[j] / np.linalg.norm(CENTRES[k]) / np.linalg.norm(CENTRES[j])
                pairs += cosine + 1
    return centre, pairs, centre + alpha * pairs


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_eq5_against_the_double_sum(reduction):
    centre, pairs, island = island_by_hand(reduction, 0.03)
    terms = losses.island_loss(FEATURES, LABELS, CENTRES, 0.03, reduction)
    assert terms["island_centre"].numpy() == pytest.approx(centre, rel=1e-6)
    assert terms["island_pairs"].numpy() == pytest.approx(pairs, rel=1e-6)
    assert terms["island"].numpy() == pytest.approx(island, rel=1e-6)


def test_eq5_is_finite_with_centres_that_are_still_zero():
    terms = losses.island_loss(FEATURES, LABELS, np.zeros_like(CENTRES), 0.03, "mean")
    assert terms["island_pairs"].numpy() == pytest.approx(6.0)  # cosine 0: six ordered pairs of 1


def centre_step(features, labels, centres, rate, alpha, weights=None):
    sums, counts = losses.class_sums(features, labels, len(centres), weights)
    return losses.centre_step(sums, counts, tf.constant(centres), rate, alpha).numpy()


def test_centre_rule_without_pairs_is_wen_et_al():
    # Class 0 has two images, 1 one, 2 none: the pull is divided by 1 + n.
    moved = centre_step(FEATURES, LABELS, CENTRES, 0.5, 0.0)
    pull0 = (2 * CENTRES[0] - FEATURES[0] - FEATURES[2]) / 3
    pull1 = (CENTRES[1] - FEATURES[1]) / 2
    np.testing.assert_allclose(moved, CENTRES - 0.5 * np.stack([pull0, pull1, np.zeros(2)]), rtol=1e-6)


def test_centre_rule_pushes_along_the_gradient_of_the_pairs():
    centres = tf.Variable(CENTRES)
    with tf.GradientTape() as tape:
        pairs = losses.island_loss(FEATURES, LABELS, centres, 1.0, "mean")["island_pairs"]
    gradient = tape.gradient(pairs, centres).numpy() / 2  # Eq. 5 counts every pair twice
    without = centre_step(FEATURES, LABELS, CENTRES, 0.5, 0.0)
    with_pairs = centre_step(FEATURES, LABELS, CENTRES, 0.5, 0.3)
    np.testing.assert_allclose(without - with_pairs, 0.5 * 0.3 / 2 * gradient, atol=1e-6)


def test_centre_rule_does_not_push_a_centre_that_is_still_zero():
    centres = np.array([*CENTRES[:2], [0.0, 0.0]], np.float32)  # no image of the third class in this batch either
    moved = centre_step(FEATURES, LABELS, centres, 0.5, 0.03)
    np.testing.assert_array_equal(moved[2], 0.0)


def test_centre_rule_leaves_zero_centres_finite():
    moved = centre_step(FEATURES, LABELS, np.zeros((3, 2), np.float32), 0.5, 0.03)
    assert np.isfinite(moved).all()
    np.testing.assert_allclose(moved[0], 0.5 * (FEATURES[0] + FEATURES[2]) / 3, rtol=1e-5)


def test_eq4_with_weights_is_the_weighted_mean():
    labels, logits = np.array([0, 1]), np.array([[2.0, 0.0], [1.0, 0.5]], np.float32)
    each = [-np.log(np.exp(row[label]) / np.exp(row).sum()) for row, label in zip(logits, labels, strict=True)]
    terms = losses.softmax_loss(labels, logits, logits, weights=tf.constant([3.0, 0.5]))
    np.testing.assert_allclose(terms["softmax_generated"], (3 * each[0] + 0.5 * each[1]) / 2, rtol=1e-6)
    np.testing.assert_allclose(terms["softmax"], 2 * terms["softmax_real"], rtol=1e-6)


def test_eq5_with_weights_is_as_if_the_image_were_there_so_often():
    doubled = [np.repeat(array, [2] + [1] * (len(LABELS) - 1), axis=0) for array in (FEATURES, LABELS)]
    weights = tf.constant([2.0] + [1.0] * (len(LABELS) - 1))
    for reduction in ("mean", "sum"):
        expected = losses.island_loss(*doubled, CENTRES, 0.03, reduction)["island"]
        weighted = losses.island_loss(FEATURES, LABELS, CENTRES, 0.03, reduction, weights)["island"]
        assert weighted.numpy() == pytest.approx(expected.numpy(), rel=1e-5)
    moved = centre_step(*doubled, CENTRES, 0.5, 0.03)
    np.testing.assert_allclose(centre_step(FEATURES, LABELS, CENTRES, 0.5, 0.03, weights), moved, rtol=1e-5)
