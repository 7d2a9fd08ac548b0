"""Turning recordings upright, and telling an upright frontal face from any other."""

import numpy as np
import pytest

from datasets.orientation import HALVES, TURNED, evidence, turn
from ifgan_tf.faces.detection import Detection
from ifgan_tf.faces.geometry import TEMPLATE

UPRIGHT = np.vstack([TEMPLATE, [(104, 180), (152, 180)]]).astype(np.float32)


def _detection(landmarks, confidence=0.999):
    return Detection(np.array([0, 0, 100, 100], np.float32), confidence, np.asarray(landmarks, np.float32))


def _rotated(degrees):
    angle = np.deg2rad(degrees)
    return UPRIGHT @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def test_clockwise_undoes_a_turn_the_other_way():
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    np.testing.assert_array_equal(turn(np.rot90(image), "clockwise"), image)
    np.testing.assert_array_equal(turn(np.rot90(image, -1), "counterclockwise"), image)
    np.testing.assert_array_equal(turn(image, "upright"), image)


def test_halves():
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    np.testing.assert_array_equal(turn(image, "left upright"), image[:, :2])
    np.testing.assert_array_equal(turn(image, "right upright"), image[:, 2:])
    assert turn(image, "right clockwise").flags.c_contiguous


def test_every_offered_view_is_understood():
    for view in (*TURNED, *HALVES):
        turn(np.zeros((4, 4, 3), np.uint8), view)
    with pytest.raises(ValueError, match="upside"):
        turn(np.zeros((4, 4, 3), np.uint8), "upside")


def test_an_upright_frontal_face_is_best():
    best = evidence(_detection(UPRIGHT))
    assert best > 5 and evidence(None) == 0
    for degrees in (30, 90, 180, 270):
        assert evidence(_detection(_rotated(degrees))) < 0.9 * best
    assert evidence(_detection(_rotated(90))) < 0.01
    profile = UPRIGHT.copy()
    profile[2, 0] = UPRIGHT[0, 0] + 6  # the nose tip nearly covers one eye
    assert evidence(_detection(profile)) < 0.4 * best


def test_a_head_turned_away_loses_to_a_frontal_one():
    """As measured in two halves of a frame."""
    turned = UPRIGHT.copy()
    turned[2, 0] = UPRIGHT[0, 0] + 0.25 * (UPRIGHT[1, 0] - UPRIGHT[0, 0])
    assert evidence(_detection(turned, confidence=0.9982)) < evidence(_detection(UPRIGHT, confidence=0.9867))


def test_a_face_on_its_head_does_not_win_by_its_symmetry():
    """As measured: the right view is surer, its nose a little off the middle."""
    right = UPRIGHT.copy()
    right[2, 0] -= 8
    assert evidence(_detection(right, confidence=0.99913)) > 2 * evidence(_detection(UPRIGHT, confidence=0.96))


def test_landmarks_in_one_point_are_no_face():
    assert evidence(_detection(np.zeros((5, 2)))) == 0
