"""Turning an image so that its face stands upright, for recordings whose orientation nobody wrote down."""

from __future__ import annotations

import numpy as np

from ifgan_tf.faces.detection import Detection

UPRIGHT = ("upright",)
TURNED = ("upright", "clockwise", "counterclockwise")
# Two cameras side by side in one frame.
HALVES = tuple(f"{half} {turn}" for half in ("left", "right") for turn in TURNED)
# The evidence from which on a face counts as frontal. Measured on thirty rendered faces, turned in space as ellipsoids
# with a nose: straight on, and up to 15 degrees aside, all have it (half of them 4.7 or more); at 30 degrees three in
# four, at 40 degrees one in six, at 45 and more one in twenty.
FRONTAL = 2.0


def turn(image: np.ndarray, view: str) -> np.ndarray:
    """The image [H, W, 3] as `view` shows it: words of "left", "right" (halves), "clockwise", "counterclockwise"."""
    for word in view.split():
        middle = image.shape[1] // 2
        if word == "left":
            image = image[:, :middle]
        elif word == "right":
            image = image[:, middle:]
        elif word == "clockwise":
            image = np.rot90(image, -1)
        elif word == "counterclockwise":
            image = np.rot90(image)
        elif word != "upright":
            raise ValueError(f"view {view!r}: unknown word {word!r}")
    return np.ascontiguousarray(image)


def evidence(detection: Detection | None) -> float:
    """How much a detection speaks for an upright, frontal face; 0 for none. Evidence of several frames adds up.

    MTCNN finds faces that stand on their heads too, and with a probability that looks high: 0.95 where the right view
    has 0.999. So it is the log-odds that count; weighed by the cosine of the head's roll (eyes above mouth), and by
    where the nose tip lies between the eyes: less if it nears one of them, as it does when the head is turned.
    """
    if detection is None:
        return 0.0
    eyes, nose, mouth = detection.landmarks[:2], detection.landmarks[2], detection.landmarks[3:]
    down = mouth.mean(axis=0) - eyes.mean(axis=0)
    across = eyes[1] - eyes[0]
    width = float(np.hypot(*across))
    if width == 0 or not down.any():
        return 0.0
    probability = min(max(detection.confidence, 0.5), 1 - 1e-6)
    roll = max(0.0, float(down[1] / np.hypot(*down)))
    place = float((nose - eyes[0]) @ across) / width**2  # 0 at one eye, 1 at the other
    frontal = min(1.0, max(0.0, (0.4 - abs(place - 0.5)) / 0.3))
    return float(np.log(probability / (1 - probability))) * roll * frontal
