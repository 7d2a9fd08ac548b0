"""Which frames of a clip are used: several, away from its ends and from each other, sharp, frontal.

An actor is at rest when a clip begins and when it ends, and speaks in between, so no single frame shows the expression
alone: mouth shapes are speech too. The middle three fifths of the clip are cut into as many equal parts as frames are
wanted, and of each part only the middle two thirds count, its window: in a clip of more than five frames a pick no two
picks are neighbours. Of each window the three sharpest frames are candidates, the sharpest first. Which of them is
taken is decided where faces are found (`datasets.alignment`): the first that shows a frontal face
(`datasets.orientation.FRONTAL`), else the one with the most frontal face, else the sharpest.
"""

from __future__ import annotations

import functools
import math
from fractions import Fraction

import numpy as np

from datasets.user_copy import DataFile
from datasets.video import read_frame, sharpness
from ifgan_tf.errors import UserError

DEFAULT_FRAMES = 3
MOST_FRAMES = 20
_CANDIDATES = 3
_BEGINS, _ENDS = Fraction(1, 5), Fraction(4, 5)
_MARGIN = Fraction(1, 6)  # of a part, left out at either side
_HALF = Fraction(1, 2)


def window(frames: int, pick: int, picks: int) -> range:
    """The frames, of a clip of `frames`, that pick number `pick` (from 0) of `picks` may be; empty in a short clip."""
    part = (_ENDS - _BEGINS) / picks
    first, end = (frames * (_BEGINS + part * (pick + place)) for place in (_MARGIN, 1 - _MARGIN))
    # A frame is in the window if its middle is.
    return range(math.ceil(first - _HALF), math.ceil(end - _HALF))


def candidates(file: DataFile, pick: int, picks: int) -> list[tuple[int, np.ndarray]]:
    """The sharpest frames of a pick's window, the sharpest first: frame number from 0, image uint8 RGB [H, W, 3].

    The candidates of all picks of a clip are decoded in one go, and kept until another clip is asked for.

    Raises:
      UserError: if the file is no video, or the clip is too short for that many picks.
    """
    length, numbers = _sharpest(file, picks)
    if not numbers[pick]:
        raise UserError(
            f"{file.source}: too few frames that decode ({length}) to take {picks} that lie away from the ends and "
            f"from each other; frame {pick + 1} of them is left out"
        )
    wanted = tuple(sorted(number for some in numbers for number in some))
    return [(number, read_frame(file, number, wanted)) for number in numbers[pick]]


def sharpest(file: DataFile, pick: int, picks: int) -> np.ndarray:
    """The first of the `candidates`, the image alone."""
    return candidates(file, pick, picks)[0][1]


@functools.lru_cache(maxsize=1)
def _sharpest(file: DataFile, picks: int) -> tuple[int, list[list[int]]]:
    """The clip's frames that decode, and the candidates' numbers of every pick."""
    measured = sharpness(file)
    return sum(value >= 0 for value in measured), [
        sorted(
            (number for number in window(len(measured), pick, picks) if measured[number] >= 0),
            key=lambda n: -measured[n],
        )[:_CANDIDATES]
        for pick in range(picks)
    ]
