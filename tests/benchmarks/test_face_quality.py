"""What is done to pictures before a model is asked about them, and what is said of its answers."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.face_quality import damaged, line
from ifgan_tf.faces.quality import Quality
from ifgan_tf.recognition.recognizer import Face


@pytest.fixture
def picture() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 200, (120, 160, 3)).astype(np.uint8)


def face(label: str, confidence: float, quality: Quality) -> Face:
    rest = {"fear": 0.0, "neutral": 0.0, label: confidence}
    return Face(np.zeros(4), 1.0, np.zeros((5, 2)), label, confidence, rest, None, quality)


def test_pictures_are_shrunk_blurred_and_lit(picture: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    assert damaged(picture, 40.0, "size", 10, rng).shape == (30, 40, 3)
    assert damaged(picture, 40.0, "sharpness", 0.1, rng).std() < 0.2 * picture.std()
    assert damaged(picture, 40.0, "brightness", 0.3, rng).mean() == pytest.approx(0.3 * picture.mean(), rel=0.02)
    assert (damaged(picture, 40.0, "overexposed", 3.0, rng) > 245).mean() == pytest.approx(0.575, abs=0.02)


def test_a_line_counts_what_was_found_right_sure_and_poor() -> None:
    small, good = Quality(size=5.0, yaw=-20.0), Quality(size=40.0, yaw=10.0)
    answers = [
        ("fear", face("fear", 0.8, good)),
        ("fear", face("neutral", 0.95, small)),
        ("neutral", face("fear", 0.5, good)),
        ("neutral", face("neutral", 0.99, good)),
        ("neutral", None),
    ]
    said = " ".join(line("yaw", 15, answers).split())
    assert said.startswith(
        "yaw 15 found 80% right 50% sure 81% wrong and sure 25% poor 25% unreadable 25% yaw 10.00 10.00"
    )
    assert " ".join(line("size", 6, [("fear", None)]).split()) == "size 6 found 0%"
