"""Figures of merit against hand-worked numbers and scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax
from sklearn import metrics as sklearn_metrics

from ifgan_tf.evaluation import metrics
from ifgan_tf.evaluation.metrics import NO_FACE

# Class 0: three images, two right, one taken for 1. Class 1: two images, one right, one without a face.
# Class 2: one image, taken for 0.
LABELS = np.array([0, 0, 0, 1, 1, 2])
PREDICTIONS = np.array([0, 0, 1, 1, NO_FACE, 0])


def test_confusion_matrix_by_hand():
    assert metrics.confusion_matrix(LABELS, PREDICTIONS, 3).tolist() == [[2, 1, 0], [0, 1, 0], [1, 0, 0]]


def test_a_picture_without_a_face_is_an_error_in_every_figure():
    assert metrics.accuracy(LABELS, PREDICTIONS) == pytest.approx(3 / 6)
    assert metrics.class_accuracy(LABELS, PREDICTIONS, 3).tolist() == pytest.approx([2 / 3, 1 / 2, 0])
    assert metrics.mean_class_accuracy(LABELS, PREDICTIONS, 3) == pytest.approx((2 / 3 + 1 / 2) / 3)
    # F1 = 2·right / (images + named): 2·2/(3+3), 2·1/(2+2), 0/(1+0)
    assert metrics.macro_f1(LABELS, PREDICTIONS) == pytest.approx((4 / 6 + 2 / 4 + 0) / 3)


def test_classes_that_do_not_occur_are_no_zeros_in_the_means():
    labels, predictions = np.array([0, 0, 1]), np.array([0, 0, 1])
    assert metrics.mean_class_accuracy(labels, predictions, 5) == 1.0
    assert metrics.macro_f1(labels, predictions) == 1.0
    assert np.isnan(metrics.class_accuracy(labels, predictions, 5)[2:]).all()


def test_a_class_that_only_the_predictions_name_is_no_zero_in_the_means():
    labels, predictions = np.array([0, 0, 1]), np.array([0, 4, 1])
    assert metrics.mean_class_accuracy(labels, predictions, 5) == pytest.approx((1 / 2 + 1) / 2)
    assert metrics.macro_f1(labels, predictions) == pytest.approx((2 * 1 / (2 + 1) + 1) / 2)


def test_nothing_to_measure_is_zero():
    nothing = np.zeros(0, int)
    assert metrics.accuracy(nothing, nothing) == 0.0
    assert metrics.mean_class_accuracy(nothing, nothing, 3) == 0.0
    assert metrics.macro_f1(nothing, nothing) == 0.0
    assert metrics.expected_calibration_error(np.zeros(0), np.zeros(0, bool)) == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_scikit_learn(seed: int):
    random = np.random.default_rng(seed)
    labels, predictions = random.integers(0, 6, 200), random.integers(0, 6, 200)
    np.testing.assert_array_equal(
        metrics.confusion_matrix(labels, predictions, 6), sklearn_metrics.confusion_matrix(labels, predictions)
    )
    assert metrics.accuracy(labels, predictions) == pytest.approx(sklearn_metrics.accuracy_score(labels, predictions))
    assert metrics.mean_class_accuracy(labels, predictions, 6) == pytest.approx(
        sklearn_metrics.balanced_accuracy_score(labels, predictions)
    )
    assert metrics.macro_f1(labels, predictions) == pytest.approx(
        sklearn_metrics.f1_score(labels, predictions, average="macro")
    )


def test_reliability_by_hand():
    # Two bins: (0, 0.5] holds 0.4 and 0.5, (0.5, 1] holds 0.8, 0.9 and 1.0.
    confidences = np.array([0.4, 0.5, 0.8, 0.9, 1.0])
    correct = np.array([True, False, True, False, True])
    table = metrics.reliability(confidences, correct, bins=2)
    assert table.count.tolist() == [2, 3]
    assert table.confidence.tolist() == pytest.approx([0.45, 0.9])
    assert table.accuracy.tolist() == pytest.approx([0.5, 2 / 3])
    expected = (2 * 0.05 + 3 * (0.9 - 2 / 3)) / 5
    assert metrics.expected_calibration_error(confidences, correct, bins=2) == pytest.approx(expected)


def test_calibration_error_of_a_sure_and_wrong_classifier_is_one():
    assert metrics.expected_calibration_error(np.ones(4), np.zeros(4, bool)) == pytest.approx(1.0)


def test_the_edge_of_a_bin_belongs_to_the_lower_one():
    table = metrics.reliability(np.array([0.0, 1 / 15, 1.0]), np.array([False, True, True]))
    assert table.count[0] == 2 and table.count[-1] == 1 and table.count.sum() == 3


def test_bins_of_parts_are_the_bins_of_the_whole():
    random = np.random.default_rng(0)
    confidences, correct = random.random(90), random.random(90) < 0.5
    whole = metrics.reliability(confidences, correct)
    parts = [metrics.reliability(confidences[part], correct[part]) for part in (slice(0, 20), slice(20, 90))]
    pooled = metrics.pooled_reliability(parts)
    for name in ("count", "confidence", "accuracy"):
        np.testing.assert_allclose(getattr(pooled, name), getattr(whole, name))
    assert metrics.calibration_error(pooled) == pytest.approx(metrics.expected_calibration_error(confidences, correct))


def test_temperature_is_taken_back():
    logits = np.random.default_rng(0).normal(0, 4, (9, 7))
    for temperature in (0.3, 2.5):
        np.testing.assert_allclose(
            metrics.uncalibrated(softmax(logits / temperature, axis=1), temperature), softmax(logits, axis=1), rtol=1e-9
        )
