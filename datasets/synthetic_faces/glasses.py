"""Glasses: what a person wears in all their pictures, following the head by its landmarks."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from datasets.synthetic_faces.layers import (
    FaceFrame,
    face_frame,
    filled,
    paint,
    pixel_grid,
    seen_at,
    shade,
    shifted,
    stroked,
)
from datasets.synthetic_faces.sampling import triple

SUNGLASSES_SHARE = 0.05

# Half width and half height of a lens in face units, how square it is (2: an ellipse), how far its outer upper corner
# is pulled up and its outer lower one down.
_SHAPES: dict[str, tuple[float, float, float, float, float]] = {
    "round": (0.66, 0.62, 2.0, 0.0, 0.0),
    "oval": (0.74, 0.5, 2.3, 0.0, 0.0),
    "rectangle": (0.78, 0.46, 4.5, 0.03, 0.0),
    "square": (0.77, 0.6, 3.6, 0.04, 0.0),
    "cat eye": (0.78, 0.52, 2.8, 0.22, 0.0),
    "aviator": (0.77, 0.64, 2.6, 0.0, 0.14),
}


@dataclasses.dataclass(frozen=True)
class Glasses:
    """One pair of glasses."""

    shape: str  # one of "round", "oval", "rectangle", "square", "cat eye", "aviator"
    size: float  # 1 is average
    thickness: float  # of the frame, in face units (half the distance between the eyes)
    rimless_below: bool  # the frame holds the lenses from above alone
    colour: tuple[float, float, float]  # of the frame
    tint: float  # share of the light that the lenses take away
    tint_colour: tuple[float, float, float]


def sample_glasses(rng: np.random.Generator) -> Glasses:
    """Glasses for somebody who wears some: wire to thick plastic, clear lenses; sunglasses in `SUNGLASSES_SHARE`."""
    shape = str(rng.choice(list(_SHAPES), p=[0.18, 0.18, 0.26, 0.2, 0.08, 0.1]))
    wire = rng.random() < 0.45
    thickness = rng.uniform(0.03, 0.055) if wire else rng.uniform(0.06, 0.12)
    metals = ((0.12, 0.12, 0.13), (0.55, 0.55, 0.57), (0.62, 0.5, 0.3))
    plastics = ((0.04, 0.04, 0.05), (0.3, 0.17, 0.08), (0.45, 0.08, 0.1), (0.1, 0.16, 0.35), (0.75, 0.7, 0.66))
    colours = np.array(metals if wire else plastics)
    weights = [0.45, 0.3, 0.25] if wire else [0.5, 0.25, 0.08, 0.1, 0.07]
    colour = np.clip(colours[rng.choice(len(colours), p=weights)] * rng.uniform(0.8, 1.25), 0, 1)
    dark = rng.random() < SUNGLASSES_SHARE
    tint_colour = np.array([0.1, 0.09, 0.08]) * rng.uniform(0.5, 1.5, 3)
    return Glasses(
        shape=shape,
        size=float(rng.uniform(0.92, 1.06)),
        thickness=float(thickness),
        rimless_below=bool(wire and rng.random() < 0.2),
        colour=triple(colour),
        tint=float(rng.uniform(0.7, 0.92) if dark else rng.uniform(0.0, 0.05)),
        tint_colour=triple(tint_colour),
    )


def draw_glasses(picture: np.ndarray, landmarks: np.ndarray, glasses: Glasses, rng: np.random.Generator) -> np.ndarray:
    """The picture with these glasses on the face.

    Args:
      picture: float32 [H, W, 3] RGB, 0..1.
      landmarks: float32 [5, 2]: eye, eye, nose tip, mouth corner, mouth corner in its pixels; image-left first.
      glasses: what is worn.
      rng: the picture's own stream, for the reflections on the lenses.

    Returns:
      float32 [H, W, 3], 0..1; a picture of its own.
    """
    whole, picture = face_frame(landmarks), picture.copy()
    brightness = np.float32(np.clip(1.6 * _brightness(picture, whole), 0.45, 1.1))
    rows, columns = whole.window(np.array([-2.7, -1.3]), np.array([2.7, 1.5]), picture.shape)
    worn = picture[rows, columns]
    if not worn.size:
        return picture
    frame = whole._replace(origin=whole.origin - [columns.start, rows.start])
    unit, shape = frame.unit, worn.shape
    rims = [_lens(glasses, frame.turned, side) for side in (-1, 1)]
    half = glasses.thickness / 2
    middles = [rim.mean(axis=0) for rim in rims]
    outer, inner = (
        [m + (rim - m) * (1 + sign * half / 0.6) for rim, m in zip(rims, middles, strict=True)] for sign in (1, -1)
    )
    lenses = filled(shape, [frame.pixels(rim) for rim in inner])
    metal = filled(shape, [frame.pixels(rim) for rim in outer]) - lenses
    if glasses.rimless_below:
        _, y = frame.units(*pixel_grid(shape))
        metal *= np.clip((np.float32(0.12) - y) * 8, 0, 1)
    rest = stroked(shape, [frame.pixels(line) for line in _bridge_and_arms(rims, frame.turned)], half * 2 * unit)
    metal = np.clip(np.maximum(metal, rest), 0, 1)

    shade(worn, shifted(cv2.GaussianBlur(metal, (0, 0), max(0.05 * unit, 0.5)), 0.1 * frame.down), 0.72)
    paint(worn, np.float32(glasses.tint) * lenses, brightness * np.array(glasses.tint_colour, np.float32))
    _reflect(worn, lenses, frame, rng)
    colour = brightness * np.array(glasses.colour, np.float32)
    paint(worn, metal, colour)
    lit = np.clip(metal - shifted(metal, 0.35 * glasses.thickness * frame.down), 0, 1)  # its upper edges
    paint(worn, np.float32(0.35) * lit, colour + (brightness - colour) * np.float32(0.6))
    return np.clip(picture, 0, 1)


def _brightness(picture: np.ndarray, frame: FaceFrame) -> float:
    """Of the cheeks below the glasses."""
    cheeks = np.array([[-0.8, 1.1], [-0.5, 1.2], [0.5, 1.2], [0.8, 1.1]])
    return float(seen_at(picture, frame, cheeks).mean())


def _lens(glasses: Glasses, turned: float, side: int) -> np.ndarray:
    """The middle line of a lens' rim, closed, face units [n, 2]."""
    wide, high, square, lift, drop = _SHAPES[glasses.shape]
    t = np.linspace(0, 2 * np.pi, 49)[:-1]
    cos, sin = np.cos(t), np.sin(t)
    x, y = np.sign(cos) * np.abs(cos) ** (2 / square), np.sign(sin) * np.abs(sin) ** (2 / square)
    y = y - lift * np.clip(x, 0, 1) * np.clip(-y, 0, 1) / high + drop * np.clip(x, 0, 1) * np.clip(y, 0, 1) / high
    # The lens that the head turns away is seen narrower; both stand a little before the eyes.
    width = wide * glasses.size * (1 - 0.25 * turned * side)
    middle = side * (0.26 + wide * glasses.size) * (1 - 0.1 * turned * side) + 0.35 * turned
    return np.stack([middle + side * width * x, 0.06 + high * glasses.size * y], axis=1)


def _bridge_and_arms(rims: list[np.ndarray], turned: float) -> list[np.ndarray]:
    """The bridge over the nose, and what is seen of the arms on the way to the ears, face units."""
    left, right = float(rims[0][:, 0].max()), float(rims[1][:, 0].min())
    t = np.linspace(0, 1, 9)
    lines = [np.stack([left + (right - left) * t, -0.12 - 0.12 * np.sin(np.pi * t)], axis=1)]
    for side, rim in zip((-1, 1), rims, strict=True):
        edge = float(rim[:, 0].max() if side > 0 else rim[:, 0].min())
        # The ear lies two units behind the face: turning the head shows one arm and hides the other.
        temple = (side * 1.97 - 0.9 * np.sin(turned)) / np.cos(turned)
        if (temple - edge) * side > 0.1:
            lines.append(np.array([[edge, -0.16], [temple, -0.2]]))
    return lines


def _reflect(picture: np.ndarray, lenses: np.ndarray, frame: FaceFrame, rng: np.random.Generator) -> None:
    """Daylight on the lenses: a slanting band across both, and a faint veil."""
    x, y = frame.units(*pixel_grid(picture.shape))
    slant, place, wide = rng.uniform(-0.7, 0.7), rng.uniform(-0.9, 0.9), rng.uniform(0.12, 0.35)
    strength = rng.uniform(0.0, 0.16) if rng.random() < 0.8 else rng.uniform(0.16, 0.27)
    # The same place on either lens, each seen from its own middle.
    within = np.where(x < 0, x + 1, x - 1) + np.float32(slant) * y
    band = 1 / (1 + np.exp(np.clip((np.abs(within - np.float32(place)) - np.float32(wide)) / 0.04, -30, 30)))
    veil = np.float32(strength) * band + np.float32(rng.uniform(0, 0.04))
    paint(picture, lenses * veil, np.array([0.93, 0.96, 1.0]))
