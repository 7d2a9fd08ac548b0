"""Backgrounds: the same from the same stream, of every kind, with structure, and no two alike."""

import collections

import numpy as np
import pytest

from datasets.synthetic_faces import backdrop as module
from datasets.synthetic_faces.backdrop import KINDS, backdrop, backdrop_of

STRUCTURED = [kind for kind in KINDS if kind not in ("flat", "wall", "studio", "lights")]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_stream_gives_the_same_background(kind):
    for seed in range(4):
        first, again = (backdrop_of(kind, np.random.default_rng(seed), 160) for _ in range(2))
        np.testing.assert_array_equal(first, again)
        assert first.dtype == np.float32 and first.shape == (160, 160, 3)
        assert first.min() >= 0 and first.max() <= 1


@pytest.mark.parametrize("size", [32, 96, 321])
def test_any_size(size):
    for kind in KINDS:
        assert backdrop_of(kind, np.random.default_rng(1), size).shape == (size, size, 3)


def test_kinds_come_as_often_as_they_are_to(monkeypatch):
    drawn = collections.Counter()

    def count(kind, rng, size):
        drawn[kind] += 1
        return np.zeros((size, size, 3), np.float32)

    monkeypatch.setattr(module, "backdrop_of", count)
    rng = np.random.default_rng(2)
    for _ in range(3000):
        backdrop(rng, 4)
    total = sum(weight for weight, _ in KINDS.values())
    for kind, (weight, _) in KINDS.items():
        assert drawn[kind] / 3000 == pytest.approx(weight / total, abs=0.03)


@pytest.mark.parametrize("kind", STRUCTURED)
def test_there_is_something_to_see(kind):
    spread = [backdrop_of(kind, np.random.default_rng(seed), 128).std(axis=(0, 1)).mean() for seed in range(12)]
    assert np.median(spread) > 0.03


def test_flat_ones_are_black_white_or_grey():
    values = []
    for seed in range(60):
        picture = backdrop_of("flat", np.random.default_rng(seed), 32)
        assert np.ptp(picture) == 0
        values.append(float(picture[0, 0, 0]))
    assert values.count(0.0) > 8 and values.count(1.0) > 15
    assert sum(0 < value < 1 for value in values) > 5


def test_no_two_are_alike():
    """Seen as small as 8x8, so that it is not grain that tells them apart."""
    small = [
        backdrop_of(kind, np.random.default_rng(seed), 64).reshape(8, 8, 8, 8, 3).mean(axis=(1, 3))
        for kind in KINDS
        if kind != "flat"
        for seed in range(4)
    ]
    distances = [np.abs(a - b).mean() for i, a in enumerate(small) for b in small[:i]]
    assert min(distances) > 0.01


def test_some_are_in_focus_and_some_are_far_from_it():
    def detail(picture):
        return np.abs(np.diff(picture, axis=1)).mean() / picture.std()

    details = [detail(backdrop_of("bricks", np.random.default_rng(seed), 200)) for seed in range(24)]
    assert max(details) > 5 * min(details)
