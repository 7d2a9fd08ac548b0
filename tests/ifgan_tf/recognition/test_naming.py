"""Which word a face gets."""

from __future__ import annotations

import pytest

from ifgan_tf.errors import UserError
from ifgan_tf.faces.quality import UNMEASURED, Quality
from ifgan_tf.recognition.naming import UNCERTAIN, checked_confidence, label_of

PROBABILITIES = {"fear": 0.3, "sadness": 0.6, "neutral": 0.1}


@pytest.mark.parametrize(
    ("min_confidence", "label"), [(0.0, "sadness"), (0.6, "sadness"), (0.61, UNCERTAIN), (1.0, UNCERTAIN)]
)
def test_a_label_has_to_be_probable_enough(min_confidence: float, label: str) -> None:
    assert label_of(PROBABILITIES, UNMEASURED, min_confidence) == label


def test_a_poor_face_has_a_label_and_an_unreadable_one_has_none() -> None:
    assert label_of(PROBABILITIES, Quality(size=10.0), 0.0) == "sadness"
    assert label_of({"fear": 1.0}, Quality(size=5.0), 0.0) == UNCERTAIN


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan"), float("inf"), 60.0])
def test_no_probability(wrong: float) -> None:
    with pytest.raises(UserError, match="--min_confidence"):
        checked_confidence(wrong)
    assert checked_confidence(0.5) == 0.5
