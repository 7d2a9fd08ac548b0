"""Leakage figures against hand-worked numbers and scikit-learn's, and their intervals."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from ifgan_tf.privacy import estimates
from ifgan_tf.privacy.estimates import Estimate


def test_naming_always_the_same_person_is_chance_however_many_pictures_each_has():
    subjects = np.array([0] * 10 + [1] * 3 + [2] * 2)
    for named in range(3):
        assert estimates.balanced_rate(subjects, subjects == named, np.ones(15)) == pytest.approx(1 / 3)


def test_balanced_rate_by_hand_with_counts():
    # Person 0: images count 2 and 0, right and wrong: 1. Person 1: right half of the time.
    rate = estimates.balanced_rate(np.array([0, 0, 1]), np.array([1.0, 0.0, 0.5]), np.array([2, 0, 1]))
    assert rate == pytest.approx((1 + 0.5) / 2)


def test_auc_by_hand():
    scores, same = np.array([0.9, 0.5, 0.5, 0.1]), np.array([True, True, False, False])
    # Pairs (own, stranger): 0.9 beats both, 0.5 ties with 0.5 and beats 0.1.
    assert estimates.verification_auc(scores, same, np.ones(4)) == pytest.approx((2 + 0.5 + 1) / 4)
    assert np.isnan(estimates.verification_auc(scores, np.ones(4, bool), np.ones(4)))


def test_all_alike_is_exactly_chance():
    same = np.array([True, False] * 20)
    assert estimates.verification_auc(np.full(40, 0.7), same, np.ones(40)) == 0.5
    assert estimates.true_accept_rate(np.full(40, 0.7), same, np.ones(40), 0.01) == 0.0


@pytest.mark.parametrize("far", [0.01, 0.1])
def test_accept_rate_is_a_point_of_the_roc_curve(far: float):
    random = np.random.default_rng(0)
    same = random.random(500) < 0.3
    scores = np.round(random.normal(size=500) + same, 1)  # with ties
    fpr, tpr, _ = roc_curve(same, scores, drop_intermediate=False)
    expected = tpr[fpr <= far].max()
    assert estimates.true_accept_rate(scores, same, np.ones(500), far) == pytest.approx(expected)


def test_weights_count_like_repeated_pairs():
    random = np.random.default_rng(1)
    scores, same, weights = random.random(60), random.random(60) < 0.5, random.integers(0, 4, 60)
    repeated = np.repeat(np.arange(60), weights)
    ones = np.ones(len(repeated))
    for figure in (estimates.verification_auc, lambda s, t, w: estimates.true_accept_rate(s, t, w, 0.1)):
        assert figure(scores, same, weights) == pytest.approx(figure(scores[repeated], same[repeated], ones))


def test_bootstrap_interval_has_the_width_of_the_standard_error():
    right = np.arange(400) % 2 == 0
    estimate = estimates.bootstrap(lambda counts: float(np.average(right, weights=counts)), 400, seed=0)
    assert estimate.value == 0.5
    low, high = estimate.interval
    assert high - low == pytest.approx(2 * 1.96 * 0.5 / 20, rel=0.2)
    again = estimates.bootstrap(lambda counts: float(np.average(right, weights=counts)), 400, seed=0)
    np.testing.assert_array_equal(estimate.replicates, again.replicates)


def test_mean_over_folds():
    merged = estimates.mean([Estimate(0.2, np.array([0.1, 0.3])), Estimate(0.4, np.array([0.5, 0.3]))])
    assert merged.value == pytest.approx(0.3)
    np.testing.assert_allclose(merged.replicates, [0.3, 0.3])
