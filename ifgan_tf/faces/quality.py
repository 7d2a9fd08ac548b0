"""How far a face can be read: its size, sharpness, light and pose in the photograph.

A network names an expression of whatever it is shown, and is sure of it too often. What it was shown is judged here, by
pixels and landmarks alone.

The limits were measured (`python -m benchmarks.face_quality`): synthetic people that the model never saw, each at
intensity 4 and in plain light, were shrunk, blurred, darkened, overexposed and turned in steps, found anew and named
by the demo's model, which names 87 % of the untouched ones rightly. Beyond a `poor` limit less than about 80 % are
right, beyond an `unreadable` one less than about half. Light is judged by the brightest part of a face: in plain light,
that of the darkest skin is 94 of 255, twice the limit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from ifgan_tf.faces.geometry import resize

# Sharpness and light are measured on a face of this side, whatever its size in the photograph, so that they compare. A
# smaller one is measured as small as it is: what it lacks in detail is told by its size.
SIDE, SMALLEST_SIDE = 64, 16
EYES_TO_MOUTH = 0.36  # of the side of an aligned face
# The middle of an aligned face as shares of its side: from brows to chin, from cheek to cheek.
ROWS, COLUMNS = (0.28, 0.84), (0.25, 0.75)
BRIGHTEST = 0.95  # the quantile of brightness that light is judged by
OVEREXPOSED = 250  # of 255
# A nose tip stands out by this share of the distance of the eyes, so that it moves aside by the tangent of the yaw.
# Fitted to heads turned by 15, 25, … 65 degrees: the median is read as 16, 24, 38, 46, 54 and 62.
NOSE = 0.55
# Where the nose tip lies between eyes (0) and mouth (1): of a level head, and further down a degree. Expressions move
# the mouth: half of the level heads are read as within 8 degrees, 95 % as within 24.
LEVEL, A_DEGREE = 0.57, 0.0065


@dataclass(frozen=True)
class Quality:
    """What a face is like in its photograph; None where it was not measured. As text: the `words`.

    Attributes:
      size: from eye to eye, or from eyes to mouth where that is longer, in pixels of the photograph.
      sharpness: deviation of the Laplacian by that of the brightness, so that contrast cancels out; about 1 is sharp.
      brightness: of the brightest twentieth of the face, 0..255.
      overexposed: share of the face without any tone, 0..1.
      yaw: degrees that the head is turned by; positive towards the image's right.
      pitch: degrees that it is bent down (positive) or up, roughly.
    """

    size: float | None = None
    sharpness: float | None = None
    brightness: float | None = None
    overexposed: float | None = None
    yaw: float | None = None
    pitch: float | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """Why an answer is to be trusted less: `small`, `blurred`, `dark`, `bright`, `turned`; none for a good face."""
        return tuple(dict.fromkeys(limit.word for limit in LIMITS if self._beyond(limit, limit.poor)))

    @property
    def unreadable(self) -> bool:
        """Whether an answer is worth no more than a guess."""
        return any(self._beyond(limit, limit.unreadable) for limit in LIMITS)

    def __str__(self) -> str:
        return " ".join(self.words)

    def _beyond(self, limit: Limit, value: float) -> bool:
        figure = getattr(self, limit.figure)
        if figure is None:
            return False
        return abs(figure) > value if limit.poor < limit.unreadable else figure < value


UNMEASURED = Quality()


class Limit(NamedTuple):
    """From where on a figure of `Quality` is poor, and from where on nothing can be read; above or below, by order."""

    word: str
    figure: str
    poor: float
    unreadable: float


LIMITS = (
    Limit("small", "size", 12, 7),
    Limit("blurred", "sharpness", 0.28, 0.18),
    Limit("dark", "brightness", 45, 20),
    Limit("bright", "overexposed", 0.4, 0.7),
    Limit("turned", "yaw", 30, 50),
    Limit("turned", "pitch", 30, 42),
)


def assess(face: np.ndarray, landmarks: np.ndarray | None) -> Quality:
    """Judges a face.

    Args:
      face: aligned, uint8 RGB [S, S, 3].
      landmarks: float32 [5, 2], eyes, nose tip and mouth corners in pixels of the photograph, image-left first; None
        for a face that was aligned elsewhere: then its size and pose are not known.
    """
    size = None if landmarks is None else _size(landmarks)
    side = min(SIDE, *face.shape[:2])
    if size is not None:
        side = min(side, max(SMALLEST_SIDE, round(size / EYES_TO_MOUTH)))
    grey = cv2.cvtColor(resize(face, side), cv2.COLOR_RGB2GRAY).astype(np.float32)
    rows, columns = (slice(int(side * start), math.ceil(side * end)) for start, end in (ROWS, COLUMNS))
    middle = grey[rows, columns]
    sharpness = float(cv2.Laplacian(grey, cv2.CV_32F)[rows, columns].std() / max(middle.std(), 1.0))
    brightness, overexposed = float(np.quantile(middle, BRIGHTEST)), float((middle >= OVEREXPOSED).mean())
    yaw, pitch = (None, None) if landmarks is None else _pose(landmarks)
    return Quality(size, sharpness, brightness, overexposed, yaw, pitch)


def _size(landmarks: np.ndarray) -> float:
    eyes, mouth = landmarks[:2].mean(axis=0), landmarks[3:].mean(axis=0)
    return float(max(np.hypot(*(landmarks[1] - landmarks[0])), np.hypot(*(mouth - eyes))))


def _pose(landmarks: np.ndarray) -> tuple[float, float]:
    """Yaw and pitch in degrees, of a head tilted in any way."""
    apart = landmarks[1] - landmarks[0]
    distance = max(float(np.hypot(*apart)), 1e-6)
    across = apart / distance
    down = np.array([-across[1], across[0]])
    nose, mouth = (point - landmarks[:2].mean(axis=0) for point in (landmarks[2], landmarks[3:].mean(axis=0)))
    yaw = math.degrees(math.atan2(float(nose @ across), NOSE * distance))
    height = max(float(mouth @ down), 1e-6 + 0.1 * float(np.hypot(*mouth)))  # lying flat is no pose of a face
    return yaw, (float(nose @ down) / height - LEVEL) / A_DEGREE
