"""What is drawn into a copy: as large as the face, and not over it while there is room elsewhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ifgan_tf.faces.quality import Quality
from ifgan_tf.recognition.annotation import annotated, caption
from ifgan_tf.recognition.recognizer import Face

YELLOW = (255, 214, 0)


def face(*box: float) -> Face:
    return Face(
        np.array(box, np.float32), 1.0, np.zeros((5, 2), np.float32), "happiness", 0.93, {"happiness": 0.93}, None
    )


def drawn(height: int, width: int, *box: float) -> np.ndarray:
    """Where something was drawn, [H, W]."""
    return (annotated(np.zeros((height, width, 3), np.uint8), [face(*box)]) == YELLOW).all(axis=2)


def test_a_small_face_gets_small_letters_in_a_large_picture() -> None:
    small, large = drawn(3000, 4000, 2000, 1500, 60, 60), drawn(3000, 4000, 2000, 1500, 600, 600)
    rows = [int(np.flatnonzero(mask[:1500].any(axis=1)).size) for mask in (small, large)]
    assert 8 < rows[0] < 30 < rows[1] < 150


@pytest.mark.parametrize("top", [0, 20])
def test_the_label_goes_below_where_there_is_no_room_above(top: int) -> None:
    mask = drawn(80, 80, 20, top, 30, 30)
    assert not mask[top + 4 : top + 26, 24:46].any()


@pytest.mark.parametrize("side", [1, 8, 24])
def test_pictures_smaller_than_a_label(side: int) -> None:
    assert drawn(side, side, 0, 0, side, side).shape == (side, side)


def test_the_caption_says_what_is_poor() -> None:
    told = face(0, 0, 9, 9)
    assert caption(told) == "happiness 93%"
    assert caption(replace(told, quality=Quality(size=10.0))) == "happiness 93% (small)"
    unread = replace(told, label="uncertain", quality=Quality(size=5.0, brightness=15.0))
    assert caption(unread) == "uncertain (small dark)"
    assert caption(replace(told, label="uncertain", confidence=0.31)) == "uncertain 31%"  # by --min_confidence
