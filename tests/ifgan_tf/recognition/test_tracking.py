"""Faces followed through videos: who is who, what a frame counts, and when somebody is forgotten."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ifgan_tf.recognition.tracking import FORGET_AFTER_S, TIME_CONSTANT_S, Tracker, overlaps

HAPPY, SAD = np.array([0.9, 0.1]), np.array([0.1, 0.9])


def box(x: float, y: float = 0.0, side: float = 60.0) -> np.ndarray:
    return np.array([x, y, side, side], np.float32)


def numbers(tracker: Tracker, time_s: float, *boxes: np.ndarray) -> list[int]:
    return [face.number for face in tracker.update(time_s, boxes, [HAPPY] * len(boxes))]


def read(tracker: Tracker, time_s: float, reading: np.ndarray | None) -> np.ndarray | None:
    return tracker.update(time_s, [box(0)], [reading])[0].probabilities


def changes(labels: np.ndarray) -> int:
    return int((labels[1:] != labels[:-1]).sum())


def test_overlaps_are_intersection_over_union() -> None:
    table = overlaps(np.array([box(0), box(100)]), np.array([box(0), box(30), box(100, side=30), box(200)]))
    assert table == pytest.approx(np.array([[1, 1 / 3, 0, 0], [0, 0, 0.25, 0]]))
    assert overlaps(np.zeros((1, 4)), np.zeros((1, 4))).tolist() == [[0.0]]


def test_numbers_stay_whatever_the_order_of_the_faces() -> None:
    tracker = Tracker()
    assert numbers(tracker, 0.0, box(0), box(200)) == [0, 1]
    assert numbers(tracker, 0.1, box(205), box(4)) == [1, 0]
    assert numbers(tracker, 0.2, box(400), box(8), box(210)) == [2, 0, 1]
    assert numbers(tracker, 0.3) == []


def test_two_faces_cross() -> None:
    """In the middle one hides the other for a third of a second, and only one is found."""
    tracker = Tracker()
    for frame in range(41):
        time_s = frame / 20
        right, left = box(200 * time_s), box(400 - 200 * time_s, 6.0)
        hidden = abs(right[0] - left[0]) < 34
        found = numbers(tracker, time_s, *([right] if hidden else [right, left]))
        assert found == ([0] if hidden else [0, 1]), frame


def test_a_face_that_is_missed_for_a_moment_keeps_its_number_and_one_that_left_does_not() -> None:
    tracker = Tracker()
    assert numbers(tracker, 0.0, box(0)) == [0]
    assert numbers(tracker, 0.5) == []
    assert numbers(tracker, 0.9 * FORGET_AFTER_S, box(5)) == [0]
    assert numbers(tracker, 2.5 * FORGET_AFTER_S, box(5)) == [1]


def test_who_returns_after_long_brings_nothing_along() -> None:
    tracker = Tracker()
    for frame in range(20):
        read(tracker, frame / 10, HAPPY)
    assert read(tracker, 2 + 2 * FORGET_AFTER_S, SAD) == pytest.approx(SAD)


def test_faces_elsewhere_after_a_cut_are_new() -> None:
    tracker = Tracker()
    numbers(tracker, 0.0, box(0), box(100))
    assert numbers(tracker, 0.04, box(300, 200, 90), box(20, 200, 120)) == [2, 3]


def test_another_face_at_the_same_place_after_a_cut_fades_in() -> None:
    tracker = Tracker()
    for frame in range(50):
        read(tracker, frame / 25, HAPPY)
    after = [read(tracker, 2 + frame / 25, SAD)[1] for frame in range(25)]
    assert after[0] < 0.5
    assert next(frame / 25 for frame, value in enumerate(after) if value > 0.5) < TIME_CONSTANT_S


def test_single_frames_do_not_flicker_and_lasting_changes_arrive() -> None:
    rng = np.random.default_rng(0)
    truth = np.where(np.arange(200) < 100, 0, 1)  # four seconds of each
    shown = np.where((rng.random(200) < 0.15) & (np.arange(200) >= 10), 1 - truth, truth)
    tracker = Tracker()
    smoothed = np.array([read(tracker, frame / 25, (HAPPY, SAD)[label]) for frame, label in enumerate(shown)])
    assert changes(shown) > 40
    assert changes(smoothed.argmax(axis=1)) == 1
    delay = (int(np.flatnonzero(smoothed.argmax(axis=1) == 1)[0]) - 100) / 25
    assert 0 < delay < TIME_CONSTANT_S + 0.1


def test_a_wrong_first_frame_is_outvoted_at_once() -> None:
    tracker = Tracker()
    read(tracker, 0.0, SAD)
    read(tracker, 0.04, HAPPY)
    assert read(tracker, 0.08, HAPPY).argmax() == 0


@pytest.mark.parametrize("rate", [5, 25, 120])
def test_what_was_shown_fades_with_time_and_not_with_frames(rate: int) -> None:
    tracker = Tracker()
    for frame in range(10 * rate):
        read(tracker, frame / rate, HAPPY)
    for frame in range(rate):
        last = read(tracker, 10 + frame / rate, SAD)
    kept = (last[0] - SAD[0]) / (HAPPY[0] - SAD[0])
    assert kept == pytest.approx(math.exp(-1 / TIME_CONSTANT_S), rel=0.01)


def test_uneven_times_count_by_their_length() -> None:
    """Ten frames in a tenth of a second count less than one after half a second."""
    tracker = Tracker()
    for frame in range(50):
        read(tracker, frame / 10, HAPPY)
    for frame in range(10):
        burst = read(tracker, 4.9 + (frame + 1) / 100, SAD)
    assert burst.argmax() == 0
    assert read(tracker, 5.5, SAD).argmax() == 1


def test_frames_of_the_same_time() -> None:
    tracker = Tracker()
    for reading in (HAPPY, SAD, HAPPY, HAPPY):
        last = read(tracker, 1.0, reading)
    assert last.argmax() == 0 and last.sum() == pytest.approx(1)


def test_a_frame_that_cannot_be_read_does_not_count() -> None:
    tracker = Tracker()
    assert read(tracker, 0.0, None) is None
    assert read(tracker, 0.1, HAPPY) == pytest.approx(HAPPY)
    assert read(tracker, 0.2, None) == pytest.approx(HAPPY)
    assert read(tracker, 0.9, None) == pytest.approx(HAPPY)
    assert read(tracker, 1.0 + FORGET_AFTER_S, None) is None  # seen all the time, but not read for long
    assert read(tracker, 1.1 + FORGET_AFTER_S, SAD) == pytest.approx(SAD)


def test_many_faces_in_a_crowd() -> None:
    tracker = Tracker()
    crowd = [box(80.0 * column, 80.0 * row) for row in range(6) for column in range(10)]
    first = numbers(tracker, 0.0, *crowd)
    assert first == list(range(60))
    assert numbers(tracker, 0.04, *(place + np.float32([3, 3, 0, 0]) for place in crowd[::-1])) == first[::-1]
