"""What is said of a face before its answer is trusted: size, sharpness, light and pose."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from ifgan_tf.faces.geometry import align
from ifgan_tf.faces.quality import LIMITS, UNMEASURED, Limit, Quality, assess

# Where MTCNN sees eyes, nose tip and mouth corners of scikit-image's astronaut.
LANDMARKS = np.array([[203.4, 99.7], [246.3, 103.2], [224.2, 126.9], [201.0, 138.3], [244.3, 141.1]], np.float32)
# A head, level and from the front: right, down, towards the camera; in distances of the eyes.
HEAD = np.array([[-0.5, 0, 0], [0.5, 0, 0], [0, 0.66, 0.55], [-0.4, 1.15, 0], [0.4, 1.15, 0]])


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    return pytest.importorskip("skimage.data").astronaut()


def judged(photo: np.ndarray, scale: float = 1.0) -> Quality:
    """The astronaut's face in a picture that is so many times as large as the original."""
    landmarks = (LANDMARKS + 0.5) * scale - 0.5
    return assess(align(photo, landmarks), landmarks)


def shrunk(photo: np.ndarray, scale: float) -> Quality:
    side = round(len(photo) * scale)
    return judged(cv2.resize(photo, (side, side), interpolation=cv2.INTER_AREA), side / len(photo))


def lit(photo: np.ndarray, share: float) -> np.ndarray:
    return np.clip(photo * share, 0, 255).astype(np.uint8)


def seen(yaw: float, pitch: float, roll: float = 0.0, eyes: float = 60.0) -> np.ndarray:
    """The landmarks of `HEAD`, turned (degrees): to the image's right, down, clockwise."""
    y, p, r = np.deg2rad([yaw, pitch, roll])
    nod = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    turn = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    tilt = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return ((HEAD @ (tilt @ turn @ nod).T)[:, :2] * eyes + 200).astype(np.float32)


def pose(landmarks: np.ndarray) -> Quality:
    """Judged by the landmarks alone."""
    return replace(assess(np.full((256, 256, 3), 128, np.uint8), landmarks), sharpness=None)


def test_a_good_face_has_no_words(astronaut: np.ndarray) -> None:
    quality = judged(astronaut)
    assert (str(quality), quality.words, quality.unreadable) == ("", (), False)
    assert quality.size == pytest.approx(43, abs=0.1)


@pytest.mark.parametrize("scale", [0.3, 0.5, 2.0, 4.0])
def test_figures_do_not_depend_on_the_size_of_the_photograph(astronaut: np.ndarray, scale: float) -> None:
    quality, whole = shrunk(astronaut, scale), judged(astronaut)
    assert str(quality) == ""
    assert quality.size == pytest.approx(43 * scale, rel=0.02)
    assert quality.sharpness == pytest.approx(whole.sharpness, rel=0.4)
    assert (quality.yaw, quality.pitch) == pytest.approx((whole.yaw, whole.pitch), abs=1)


@pytest.mark.parametrize(("scale", "words", "unreadable"), [(0.25, "small", False), (0.15, "small", True)])
def test_small(astronaut: np.ndarray, scale: float, words: str, unreadable: bool) -> None:
    quality = shrunk(astronaut, scale)
    assert (str(quality), quality.unreadable) == (words, unreadable)


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_blurred(astronaut: np.ndarray, scale: float) -> None:
    """By the face's measure, however many pixels it has."""
    found = [shrunk(cv2.GaussianBlur(astronaut, (0, 0), share * 43), scale) for share in (0.02, 0.09, 0.13)]
    assert found[0].sharpness > found[1].sharpness > found[2].sharpness
    assert [str(quality) for quality in found] == ["", "blurred", "blurred"]
    assert [quality.unreadable for quality in found] == [False, False, True]


def test_contrast_and_light_do_not_pass_for_sharpness(astronaut: np.ndarray) -> None:
    half = judged(lit(astronaut, 0.5))
    assert half.sharpness == pytest.approx(judged(astronaut).sharpness, rel=0.1)
    assert str(half) == ""


@pytest.mark.parametrize(
    ("share", "words", "unreadable"),
    [(0.25, "", False), (0.15, "dark", False), (0.05, "dark", True), (1.5, "bright", False), (2.2, "bright", True)],
)
def test_light(astronaut: np.ndarray, share: float, words: str, unreadable: bool) -> None:
    quality = judged(lit(astronaut, share))
    assert (str(quality), quality.unreadable) == (words, unreadable)


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("roll", [0, 30])
def test_yaw_is_read_in_degrees_however_the_head_is_tilted(side: int, roll: float) -> None:
    for yaw in (0, 15, 30, 45, 60):
        assert pose(seen(side * yaw, 0, roll)).yaw == pytest.approx(side * yaw, abs=0.5)


def test_turned_aside() -> None:
    found = [pose(seen(yaw, 0)) for yaw in (-60, -40, -20, 20, 40, 60)]
    assert ["turned" in quality.words for quality in found] == [True, True, False, False, True, True]
    assert [quality.unreadable for quality in found] == [True, False, False, False, False, True]


def test_pitch_grows_downwards() -> None:
    found = [pose(seen(0, pitch, roll=-20)).pitch for pitch in (-40, -20, 0, 20, 40)]
    assert found == sorted(found)
    assert found[2] == pytest.approx(0, abs=2)
    assert found[0] < -30 and found[-1] > 30


@pytest.mark.parametrize("limit", LIMITS)
def test_both_limits_of_every_figure(limit: Limit) -> None:
    word, figure, poor, unreadable = limit
    assert not Quality(**{figure: poor}).words
    assert Quality(**{figure: (poor + unreadable) / 2}).words == (word,)
    assert not Quality(**{figure: unreadable}).unreadable
    assert Quality(**{figure: 2 * unreadable - poor}).unreadable


def test_words_come_once_and_together() -> None:
    assert str(Quality(size=5.0, sharpness=0.1, yaw=-70.0, pitch=60.0)) == "small blurred turned"


def test_faces_aligned_elsewhere_have_no_size_and_no_pose(astronaut: np.ndarray) -> None:
    face = align(astronaut, LANDMARKS)
    quality = assess(cv2.resize(face, (48, 60), interpolation=cv2.INTER_AREA), None)
    assert (quality.size, quality.yaw, quality.pitch, str(quality)) == (None, None, None, "")
    assert str(assess(face // 20, None)) == "dark"
    assert (UNMEASURED.words, UNMEASURED.unreadable) == ((), False)


@pytest.mark.parametrize("points", [np.zeros((5, 2)), np.eye(5, 2) * 1e-3, np.tile([3.0, 4.0], (5, 1))])
def test_landmarks_that_are_no_face(points: np.ndarray) -> None:
    quality = pose(points.astype(np.float32))
    assert quality.unreadable and "small" in quality.words


@pytest.mark.parametrize("side", [1, 2, 16, 300])
def test_pictures_of_one_tone_and_any_size(side: int) -> None:
    quality = assess(np.zeros((side, side, 3), np.uint8), None)
    assert quality.words == ("blurred", "dark")
