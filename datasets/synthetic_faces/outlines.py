"""Where the features of a face are: the subject's resting shape moved by action units. Everything in face units."""

from __future__ import annotations

import dataclasses

import numpy as np

from datasets.synthetic_faces.action_units import Activations
from datasets.synthetic_faces.subject import Subject

_WIDEST = 0.25  # height of the cheekbones, where the head is widest
SIDES = (-1, 1)  # the image's left and right


@dataclasses.dataclass(frozen=True)
class Eye:
    """One eye: `upper` and `lower` lid edges, float [n, 2] from the image's left to right."""

    centre: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    fold: np.ndarray


@dataclasses.dataclass(frozen=True)
class Mouth:
    """Four curves from the image's left corner to the right, float [n, 2]: outer and inner edge of each lip."""

    upper_outer: np.ndarray
    upper_inner: np.ndarray
    lower_inner: np.ndarray
    lower_outer: np.ndarray

    @property
    def corners(self) -> np.ndarray:
        """[2, 2]: the image's left and right corner."""
        return np.stack([self.upper_inner[0], self.upper_inner[-1]])

    @property
    def opening(self) -> float:
        """Height of the gap between the lips, at its middle."""
        middle = len(self.upper_inner) // 2
        return float(self.lower_inner[middle, 1] - self.upper_inner[middle, 1])


@dataclasses.dataclass(frozen=True)
class Geometry:
    """All curves and points of one face. `brows` run from the inner to the outer end, float [n, 2]."""

    eyes: tuple[Eye, Eye]
    brows: tuple[np.ndarray, np.ndarray]
    mouth: Mouth
    nose_tip: np.ndarray
    nose_wings: np.ndarray
    cheeks: np.ndarray
    chin: float

    @property
    def landmarks(self) -> np.ndarray:
        """float [5, 2]: left eye, right eye, nose tip, left and right mouth corner (image left first)."""
        return np.stack([self.eyes[0].centre, self.eyes[1].centre, self.nose_tip, *self.mouth.corners])


def face_geometry(subject: Subject, activations: Activations) -> Geometry:
    """Moves the subject's features by the action units."""
    jaw = 0.34 * activations.mean(26) + 0.66 * activations.mean(27)
    pull = activations[9] + 0.5 * activations[10]
    wings = np.array(
        [
            [side * (subject.nose_width + 0.05 * pull[i]), subject.nose_length + 0.1 - 0.1 * pull[i]]
            for i, side in enumerate(SIDES)
        ]
    )
    lift = 0.24 * activations[6] + 0.2 * activations[12] + 0.1 * activations[9]
    cheeks = np.array([[side * 1.28, 1.15 - lift[i]] for i, side in enumerate(SIDES)])
    return Geometry(
        eyes=(_eye(subject, activations, 0), _eye(subject, activations, 1)),
        brows=(_brow(subject, activations, 0), _brow(subject, activations, 1)),
        mouth=_mouth(subject, activations, jaw),
        nose_tip=np.array([0.0, subject.nose_length - 0.05 * activations.mean(9)]),
        nose_wings=wings,
        cheeks=cheeks,
        chin=subject.chin + 0.9 * jaw - 0.06 * activations.mean(17),
    )


def half_width(subject: Subject, chin: float, y: np.ndarray) -> np.ndarray:
    """Half the width of the head at height `y`, 0 above the skull and below the chin."""
    above = np.clip((_WIDEST - y) / (_WIDEST - subject.skull_top), 0, 1)
    below = np.clip((y - _WIDEST) / (chin - _WIDEST), 0, 1)
    skull = (1 - above**2.7) ** (1 / 2.5)
    jaw = (1 - below**subject.jaw_squareness) ** (1 / 1.75)
    return subject.head_width * np.where(y < _WIDEST, skull, jaw)


def _eye(subject: Subject, activations: Activations, i: int) -> Eye:
    side = SIDES[i]
    a = activations.side(i)
    t = np.linspace(-1, 1, 25)
    outward = t * side  # 1 at the outer corner
    up = subject.upper_lid + 0.15 * a[5] - 0.06 * a[7] - 0.035 * a[6] - 0.05 * a[9] - 0.03 * a[4]
    down = subject.lower_lid + 0.02 * a[5] - 0.075 * a[7] - 0.075 * a[6] - 0.06 * a[9]
    up, down = max(up, 0.06), max(down, 0.015)
    tilt = -subject.eye_tilt * outward
    # A raised inner brow pulls the inner part of the lid up; the outer part droops.
    slant = 0.06 * a[1] * outward * (1 - a[5]) if a[5] < 1 else 0 * t
    arch = (1 - np.abs(t) ** 2.3) ** 0.9
    x = side * subject.eye_spacing + subject.eye_width * t
    upper = np.stack([x, tilt + slant - up * arch], axis=1)
    lower = np.stack([x, tilt + down * (1 - np.abs(t - 0.12 * side) ** 2.6).clip(0)], axis=1)
    gap = max(subject.lid_fold + 0.05 * a[5] - 0.09 * a[4] - 0.05 * a[9] + 0.04 * a[1], 0.025)
    upper[:, 1] += (lower[:, 1] - upper[:, 1]) * 0.97 * min(a[43], 1.0)
    fold = np.stack([x, upper[:, 1] - gap * (0.55 + 0.45 * arch)], axis=1)
    return Eye(np.array([side * subject.eye_spacing, 0.0]), upper, lower, fold)


def _brow(subject: Subject, activations: Activations, i: int) -> np.ndarray:
    side = SIDES[i]
    a = activations.side(i)
    t = np.linspace(0, 1, 13)  # inner to outer
    inner, outer = (1 - t) ** 1.6, np.clip(t / 0.75, 0, 1) ** 1.3 * (1 - 0.25 * np.clip((t - 0.75) / 0.25, 0, 1))
    rest = subject.brow_height - subject.brow_arch * np.sin(np.pi * t**1.5) - subject.brow_tilt * (t - 0.4)
    y = rest - 0.34 * a[1] * inner - 0.36 * a[2] * outer
    y += 0.3 * a[4] * (0.35 + 0.65 * inner) * (1 - 0.6 * min(a[1], 1)) + 0.14 * a[9] * (0.3 + 0.7 * inner)
    x = subject.brow_gap + subject.brow_length * t - (0.15 * a[4] + 0.04 * a[9]) * inner
    return np.stack([side * x, y], axis=1)


def _mouth(subject: Subject, activations: Activations, jaw: float) -> Mouth:
    a = activations.means()
    sides = np.array(SIDES)
    width: np.ndarray = subject.mouth_width + 0.22 * activations[12] + 0.2 * activations[20] + 0.03 * activations[10]
    width = width + 0.07 * activations[14]
    width = width - 0.1 * a[23] - 0.06 * a[24] - 0.05 * a[17] - 0.16 * a[27] - 0.08 * a[26]
    width = np.maximum(width - 0.28 * a[18] - 0.14 * a[22] - 0.04 * a[28], 0.45 * subject.mouth_width)
    height: np.ndarray = (
        subject.mouth_height
        + subject.corner_set
        + 0.45 * jaw
        - 0.32 * activations[12]
        + 0.24 * activations[15]
        + 0.07 * activations[20]
    )
    corners = np.stack([sides * width, height], axis=1)

    upper_y = subject.mouth_height - 0.17 * a[10] - 0.07 * a[9] - 0.04 * a[12] - 0.13 * a[17] - 0.03 * a[25]
    gap = 0.11 * a[25] * (1 + 0.8 * a[12] + 0.5 * a[20]) + 0.17 * a[16] + 0.08 * a[22] + 1.0 * jaw
    gap = max(gap - 0.1 * a[24] - 0.1 * a[17] - 0.03, 0.0)
    t = np.linspace(-1, 1, 41)
    x = np.interp(t, [-1, 1], corners[:, 0])
    ends = np.interp(t, [-1, 1], corners[:, 1])
    square = 2.0 + 1.8 * min(a[20] + a[16] + 0.6 * a[10], 1.2)
    upper_shape = 1 - np.abs(t) ** (2.0 + 1.2 * min(a[10], 1.0))
    upper_inner = ends + (upper_y - ends) * upper_shape
    lower_inner = upper_inner + gap * (1 - np.abs(t) ** square)

    press = (1 - 0.5 * a[23] - 0.62 * a[24]) * (1 - 0.7 * min(a[28], 1.0)) * (1 + 0.3 * a[18] + 0.4 * a[22])
    upper = subject.upper_lip * press * (1 - 0.32 * a[12] - 0.25 * a[20] - 0.1 * a[10] - 0.15 * a[27])
    lower = subject.lower_lip * press * (1 - 0.22 * a[12] - 0.25 * a[20] + 0.15 * a[17] - 0.1 * a[27])
    bow = (1 - np.abs(t) ** 1.8) * (1 - subject.cupids_bow * np.exp(-((t / 0.16) ** 2)))
    return Mouth(
        upper_outer=np.stack([x, upper_inner - max(upper, 0.035) * bow], axis=1),
        upper_inner=np.stack([x, upper_inner], axis=1),
        lower_inner=np.stack([x, lower_inner], axis=1),
        lower_outer=np.stack([x, lower_inner + max(lower, 0.045) * (1 - np.abs(t) ** 2.3)], axis=1),
    )
