"""Faces followed from frame to frame of a video, and their probabilities smoothed over time: single frames flicker.

Faces are told apart by where they are, as in SORT (Bewley et al., "Simple online and realtime tracking", ICIP 2016):
boxes move on as they moved before, and a box of a new frame belongs to the track that it overlaps most. Who somebody is
plays no part: whoever takes a face's very place within a second, as at a cut, takes over its number, and what was read
of the one before fades with `TIME_CONSTANT_S`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# What a frame counts falls to 37 % in this time; expressions last from 0.5 to 4 s (Matsumoto and Hwang, 2011).
TIME_CONSTANT_S = 0.5
SPEED_CONSTANT_S = 0.2  # the same of how fast a face moves
FORGET_AFTER_S = 1.0
LEAST_OVERLAP = 0.3  # intersection over union, SORT's
_SHORTEST_S = 1e-3  # between frames: some videos give two the same time


class Tracked(NamedTuple):
    """A face of a frame, followed.

    Attributes:
      number: of the track, from 0 in the order of appearance; never used again.
      probabilities: float64 [classes], smoothed; None as long as nothing was to be read of this face for a second.
    """

    number: int
    probabilities: np.ndarray | None


class Tracker:
    """Follows the faces of one video.

    Times may be uneven: what a frame counts depends on the time since the one before, not on their number.
    """

    def __init__(self) -> None:
        self._tracks: list[_Track] = []
        self._next = 0

    def update(
        self, time_s: float, boxes: Sequence[np.ndarray], readings: Sequence[np.ndarray | None]
    ) -> list[Tracked]:
        """Takes the faces of the next frame.

        Args:
          time_s: of the frame, in seconds; no earlier than the one before.
          boxes: float [4] of every face: x, y, width, height.
          readings: float [classes], the probabilities of every face; None for one that cannot be read in this frame.

        Returns:
          Every face's track, in the order of `boxes`.
        """
        self._tracks = [track for track in self._tracks if time_s - track.seen_s <= FORGET_AFTER_S]
        places = np.array([track.place_at(time_s) for track in self._tracks]).reshape(-1, 4)
        followed = _assigned(overlaps(places, np.array(boxes, np.float64).reshape(-1, 4)))
        result = []
        for number, (box, reading) in enumerate(zip(boxes, readings, strict=True)):
            if number in followed:
                track = self._tracks[followed[number]]
                track.move(time_s, np.asarray(box, np.float64))
            else:
                track = _Track(self._next, time_s, np.asarray(box, np.float64))
                self._tracks.append(track)
                self._next += 1
            result.append(Tracked(track.number, track.read(time_s, reading)))
        return result


class _Track:
    """One face: where it is, how fast it moves, and what it shows."""

    def __init__(self, number: int, time_s: float, box: np.ndarray) -> None:
        self.number, self.seen_s = number, time_s
        self._box, self._speed = box, np.zeros(2)  # pixels; of the centre, pixels a second
        self._smoothed: np.ndarray | None = None
        self._read_s, self._weight = time_s, 0.0

    def place_at(self, time_s: float) -> np.ndarray:
        """The box, moved on, float64 [4]."""
        return self._box + np.append(self._speed * (time_s - self.seen_s), [0.0, 0.0])

    def move(self, time_s: float, box: np.ndarray) -> None:
        """Sees the face again."""
        passed = max(time_s - self.seen_s, _SHORTEST_S)
        speed = (box[:2] + box[2:] / 2 - self._box[:2] - self._box[2:] / 2) / passed
        self._speed = self._speed + (1 - math.exp(-passed / SPEED_CONSTANT_S)) * (speed - self._speed)
        self.seen_s, self._box = time_s, box

    def read(self, time_s: float, reading: np.ndarray | None) -> np.ndarray | None:
        """Takes what the frame shows; returns the exponential moving average in time, float64 [classes].

        The first frame counts as long as the second, so that it is outvoted as soon as any other. After a second in
        which nothing was to be read, what was read before is nothing to go by.
        """
        passed = max(time_s - self._read_s, _SHORTEST_S)
        if self._smoothed is not None and passed > FORGET_AFTER_S:
            self._smoothed, self._weight = None, 0.0
        if reading is None:
            return self._smoothed
        self._read_s = time_s
        if self._smoothed is None:
            self._smoothed = np.asarray(reading, np.float64)
            return self._smoothed
        kept = math.exp(-passed / TIME_CONSTANT_S)
        weight = kept * (self._weight or 1 - kept) + 1 - kept
        self._smoothed = self._smoothed + (1 - kept) / weight * (reading - self._smoothed)
        self._weight = weight
        return self._smoothed


def overlaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes (x, y, width, height), [N, 4] and [M, 4], with one another: float64 [N, M]."""
    upper = np.maximum(boxes[:, None, :2], others[None, :, :2])
    lower = np.minimum(boxes[:, None, :2] + boxes[:, None, 2:], others[None, :, :2] + others[None, :, 2:])
    shared = np.prod(np.maximum(lower - upper, 0), axis=2)
    union = np.prod(boxes[:, None, 2:], axis=2) + np.prod(others[None, :, 2:], axis=2) - shared
    return shared / np.maximum(union, np.finfo(np.float64).tiny)


def _assigned(table: np.ndarray) -> dict[int, int]:
    """Which track each box goes on with: the largest overlap first, each of both once.

    Args:
      table: overlaps [tracks, boxes].
    Returns:
      The track by the box, where there is one.
    """
    found: dict[int, int] = {}
    for place in np.argsort(-table, axis=None, kind="stable"):
        track, box = map(int, np.unravel_index(place, table.shape))
        if table[track, box] < LEAST_OVERLAP:
            break
        if box not in found and track not in found.values():
            found[box] = track
    return found
