"""Readers find numbers where they show, in people whom they have never seen."""

from __future__ import annotations

import numpy as np
import pytest

from ifgan_tf.privacy import regression
from ifgan_tf.privacy.attackers import network_view
from ifgan_tf.privacy.regression import Network, gradients_view, pixels_view, ridge

SIDE = 32


def bars(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noisy pictures of a bar whose brightness is the first number; the second shows nowhere: float [count, 2]."""
    random = np.random.default_rng(seed)
    numbers = random.uniform(0, 1, (count, 2))
    images = random.normal(90, 8, (count, SIDE, SIDE, 3))
    images[:, 12:18, 4:28] += 100 * numbers[:, :1, np.newaxis, np.newaxis]
    return np.clip(images, 0, 255).astype(np.uint8), numbers


def explained(truth: np.ndarray, answer: np.ndarray) -> np.ndarray:
    return 1 - np.sum((truth - answer) ** 2, axis=0) / np.sum((truth - truth.mean(axis=0)) ** 2, axis=0)


@pytest.mark.parametrize("view", [pixels_view, gradients_view])
def test_ridge_regression_reads_what_shows_and_guesses_the_mean_of_what_does_not(view):
    (learnt, truth), (probe, wanted) = bars(120, 0), bars(60, 1)
    found = explained(wanted, ridge(view(learnt), truth, np.arange(120) // 10, view(probe)))
    assert found[0] > 0.8 and abs(found[1]) < 0.15


def test_a_group_mean_is_read_from_one_hot_labels():
    labels = np.arange(60) % 3
    truth = np.array([[1.0], [2.0], [4.0]])[labels]
    answer = ridge(np.eye(3, dtype=np.float32)[labels], truth, np.arange(60) // 6, np.eye(3, dtype=np.float32))
    np.testing.assert_allclose(answer, [[1], [2], [4]], atol=0.01)


def test_pictures_that_are_all_alike_give_the_mean():
    pictures, truth = np.ones((20, 5), np.float32), np.arange(20.0)[:, np.newaxis]
    answer = ridge(pictures, truth, np.arange(20) // 4, np.ones((2, 5), np.float32))
    np.testing.assert_allclose(answer, 9.5)


def test_the_network_reads_what_shows_and_answers_alike_every_time(monkeypatch):
    monkeypatch.setattr(regression, "STEPS", 120)
    (learnt, truth), (probe, wanted) = bars(96, 0), bars(48, 1)
    view = network_view(np.concatenate([learnt, probe]))
    answers = [Network(SIDE, 2, seed=3).read(view[:96], truth, view[96:], seed=4) for _ in range(2)]
    assert explained(wanted, answers[0])[0] > 0.7
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-4)


def test_gradients_do_not_see_how_dark_the_skin_is():
    dark, bright = np.full((1, SIDE, SIDE, 3), 60, np.uint8), np.full((1, SIDE, SIDE, 3), 200, np.uint8)
    for image in (dark, bright):
        image[:, 10:20] += 40
    np.testing.assert_allclose(gradients_view(dark), gradients_view(bright), atol=1e-6)
    assert gradients_view(dark).max() > 0.1
