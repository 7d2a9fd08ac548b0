"""Glasses: on the eyes wherever the head is, see-through unless they are sunglasses."""

import dataclasses

import numpy as np
import pytest

from datasets.synthetic_faces.glasses import SUNGLASSES_SHARE, Glasses, draw_glasses, sample_glasses
from datasets.synthetic_faces.layers import face_frame

LANDMARKS = np.array([[125, 150], [195, 150], [160, 192], [131, 224], [189, 224]], np.float32)
PLAIN = Glasses(
    shape="round",
    size=1.0,
    thickness=0.12,
    rimless_below=False,
    colour=(0.0, 0.0, 0.0),
    tint=0.0,
    tint_colour=(0.1, 0.1, 0.1),
)
SKIN = np.zeros((320, 320, 3), np.float32) + np.array([0.8, 0.6, 0.5], np.float32)


def worn(glasses=PLAIN, landmarks=LANDMARKS, seed=0, picture=SKIN):
    return draw_glasses(picture, landmarks, glasses, np.random.default_rng(seed))


def frame_pixels(glasses=PLAIN, landmarks=LANDMARKS):
    return worn(glasses, landmarks).max(axis=-1) < 0.35


@pytest.fixture(scope="module")
def several():
    rng = np.random.default_rng(4)
    return [sample_glasses(rng) for _ in range(2000)]


def test_the_same_stream_gives_the_same_picture(several):
    before = SKIN.copy()
    for glasses in several[:20]:
        first, again = worn(glasses), worn(glasses)
        np.testing.assert_array_equal(first, again)
        assert first.dtype == np.float32 and first.shape == SKIN.shape
        assert first.min() >= 0 and first.max() <= 1
    np.testing.assert_array_equal(SKIN, before)


def test_reflections_differ_from_picture_to_picture():
    assert not np.array_equal(worn(seed=1), worn(seed=2))


@pytest.mark.parametrize("angle", [-0.3, 0.0, 0.3])
def test_the_frame_surrounds_both_eyes(angle):
    cos, sin = np.cos(angle), np.sin(angle)
    landmarks = ((LANDMARKS - 160) @ np.array([[cos, sin], [-sin, cos]]) + 160).astype(np.float32)
    mask = frame_pixels(landmarks=landmarks)
    for eye in landmarks[:2]:
        for direction in np.linspace(0, 2 * np.pi, 16, endpoint=False):
            ray = eye + np.arange(50)[:, None] * [np.cos(direction), np.sin(direction)]
            columns, rows = np.round(ray).astype(int).T
            assert mask[rows, columns].any()
            assert not mask[rows[:8], columns[:8]].any()


def test_nothing_below_the_nose_changes(several):
    for glasses in several[:20]:
        np.testing.assert_array_equal(worn(glasses)[205:], SKIN[205:])


def test_eyes_are_seen_through_clear_lenses_and_not_through_dark_ones(several):
    columns, rows = LANDMARKS[:2].astype(int).T
    for glasses in several[:200]:
        seen = worn(glasses)[rows, columns].mean()
        if glasses.tint > 0.5:
            assert seen < 0.45
        else:
            assert abs(seen - SKIN.mean()) < 0.2


def test_sunglasses_are_rare(several):
    assert np.mean([glasses.tint > 0.5 for glasses in several]) == pytest.approx(SUNGLASSES_SHARE, abs=0.02)


def test_thickness_and_size_scale_with_the_eye_distance():
    thick, thin = (frame_pixels(dataclasses.replace(PLAIN, thickness=width)).sum() for width in (0.14, 0.07))
    assert 1.4 < thick / thin < 2.6
    half = frame_pixels(landmarks=(LANDMARKS - 160) / 2 + 160)
    assert 3.2 < frame_pixels().sum() / half.sum() < 4.8


def test_turning_the_head_shows_one_arm_and_hides_the_other():
    """The nose's tip moves to where the head turns."""
    turned = LANDMARKS.copy()
    turned[2, 0] += 18
    assert face_frame(turned).turned > 0.3
    mask = frame_pixels(landmarks=turned)
    columns = np.argwhere(mask)[:, 1]
    assert 160 - columns.min() > columns.max() - 160 + 5


@pytest.mark.parametrize("shift", [(-125, 0), (150, 0), (0, -140)])
def test_a_face_cut_off_by_the_edge(shift):
    mask = frame_pixels(landmarks=LANDMARKS + np.array(shift, np.float32))
    inside = np.roll(frame_pixels(), shift, axis=(1, 0))[20:300, 20:300]
    assert (mask[20:300, 20:300] & inside).sum() > 0.9 * mask[20:300, 20:300].sum() > 0


def test_a_face_outside_the_picture():
    np.testing.assert_array_equal(worn(landmarks=LANDMARKS + np.array([0, 400], np.float32)), SKIN)
