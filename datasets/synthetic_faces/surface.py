"""The relief of a head and how light falls on it."""

from __future__ import annotations

import cv2
import numpy as np

from datasets.synthetic_faces.action_units import Activations
from datasets.synthetic_faces.canvas import SIZE, UNIT, add_bump, grid, spline, strokes, xy
from datasets.synthetic_faces.outlines import SIDES, Geometry, half_width
from datasets.synthetic_faces.subject import Subject

_DEPTH = 1.75  # of the head's front, in face units


def relief(subject: Subject, geometry: Geometry, activations: Activations) -> np.ndarray:
    """Height of the head towards the viewer, face units, float32 [SIZE, SIZE]; 0 beside the head."""
    x, y = grid()
    width = half_width(subject, geometry.chin, y)
    across = np.clip(1 - (np.abs(x)[None, :] / np.maximum(width, 1e-3)[:, None]) ** 2.6, 0, 1)
    middle, half = (geometry.chin + subject.skull_top) / 2, (geometry.chin - subject.skull_top) / 2
    along = np.clip(1 - np.abs((y - middle) / half) ** 3.2, 0, 1)
    z = _DEPTH * across * along[:, None]
    head = np.clip(z / 0.5, 0, 1)

    bumps = np.zeros_like(z)

    def bump(px: float, py: float, sx: float, sy: float, height: float) -> None:
        add_bump(bumps, (px, py), (sx, sy), height)

    a = activations.means()
    mouth_y = float(geometry.mouth.upper_inner[:, 1].mean())
    for i, side in enumerate(SIDES):
        unit = activations.side(i)
        brow_y = float(geometry.brows[i][:, 1].mean())
        bump(side * 0.95, brow_y + 0.05, 0.6, 0.2, 0.13 + 0.05 * unit[4])
        bump(side * subject.eye_spacing, 0.0, 0.5, 0.34, -0.26)
        bump(side * subject.eye_spacing, 0.02, 0.33, 0.22, 0.16)
        cx, cy = geometry.cheeks[i]
        bump(cx, cy - 0.25, 0.42, 0.3, subject.cheekbones)
        raised = max(unit[6], 0.8 * unit[12], 0.4 * unit[9])
        bump(cx - side * 0.1, cy - 0.05, 0.36, 0.26, 0.3 * raised + 0.5 * max(subject.cheek_fullness, 0))
        bump(side * 1.55, 2.0, 0.35, 0.5, min(subject.cheek_fullness, 0.0))
        bump(side * subject.eye_spacing, 0.42, 0.36, 0.12, -0.05 - 0.05 * subject.age + 0.08 * unit[6] + 0.04 * unit[7])
        wing_x, wing_y = geometry.nose_wings[i]
        bump(wing_x * 0.74, wing_y, 0.16, 0.15, 0.26)
        corner_x, corner_y = geometry.mouth.corners[i]
        bump(corner_x + side * 0.12, corner_y, 0.16, 0.18, 0.08 + 0.1 * unit[12])
    bump(0.0, mouth_y, 0.75, 0.5, 0.22)
    bump(0.0, geometry.chin - 0.42, 0.42, 0.26, subject.chin_size + 0.1 * a[17])
    lip_bottom = float(geometry.mouth.lower_outer[:, 1].max())
    bump(0.0, lip_bottom + 0.14, 0.45, 0.1, -0.1 - 0.08 * a[17])
    bump(0.0, (subject.nose_length + mouth_y) / 2 + 0.12, 0.07, 0.16, -0.06)
    bump(0.0, subject.brow_height, 0.25, 0.2, 0.08 + 0.1 * a[4] + 0.05 * a[9])
    bump(0.0, -1.7, 1.0, 0.5, 0.1)
    z += bumps * head
    z += _nose(subject, geometry, x, y) * head
    return z.astype(np.float32)


def _nose(subject: Subject, geometry: Geometry, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    tip = float(geometry.nose_tip[1])
    root = -0.25
    t = np.clip((y - root) / (tip - root), 0, 1)
    ridge = subject.nose_height * (0.14 + 0.86 * t**1.4) + subject.nose_bump * np.exp(-(((t - 0.45) / 0.2) ** 2))
    fade = 1 / (1 + np.exp(-(y - root + 0.1) / 0.09)) / (1 + np.exp((y - tip - 0.17) / 0.055))
    spread = subject.bridge_width * (1.0 + 0.35 * t**2)
    return np.outer(ridge * fade, np.ones_like(x)) * np.exp(-0.5 * (x[None, :] / spread[:, None]) ** 2)


def creases(subject: Subject, geometry: Geometry, activations: Activations) -> np.ndarray:
    """Depth of wrinkles and folds, 0..1, float32 [SIZE, SIZE]."""
    total = np.zeros((SIZE, SIZE), np.float32)

    def fold(curve: np.ndarray, depth: float, width: float = 0.035, blur: float = 0.03) -> None:
        if depth > 0.04:
            mask = strokes([curve], width, blur)
            total[mask.window] += mask.alpha * np.float32(min(depth, 1.3))

    a = activations.means()
    age = subject.age
    for i, side in enumerate(SIDES):
        unit = activations.side(i)
        wing, corner = geometry.nose_wings[i], geometry.mouth.corners[i]
        # nasolabial fold
        pull = max(unit[12], unit[9], unit[10], 0.5 * unit[20])
        cheek = np.array([corner[0] + side * (0.22 + 0.12 * unit[12]), (wing[1] + corner[1]) / 2 - 0.08 * unit[12]])
        start = wing + xy(side * 0.12, -0.12)
        end = corner + xy(side * 0.24, 0.12 + 0.2 * unit[15])
        arc = _curve(start, (start + cheek * 2) / 3 + xy(side * 0.04, 0), cheek, end)
        fold(arc, 0.12 + 0.4 * age + 0.75 * pull, 0.05, 0.05)
        # crow's feet, lower lid
        eye = geometry.eyes[i]
        for lift, reach in ((-0.16, 0.36), (0.02, 0.42), (0.2, 0.36)):
            outer = eye.centre + xy(side * (subject.eye_width + 0.1), 0.02)
            fold(_curve(outer, outer + xy(side * reach, lift + 0.1)), 0.45 * age * age + 0.6 * unit[6] - 0.1, 0.025)
        lower = eye.lower + xy(0, 0.13 - 0.03 * unit[7])
        fold(lower[4:-4], 0.1 + 0.3 * age + 0.55 * max(unit[6], 0.7 * unit[7], 0.5 * unit[9]), 0.03)
        # frown between the brows, bunny lines on the nose
        inner = geometry.brows[i][0]
        frown = 0.35 * age * age + 0.95 * unit[4] + 0.3 * unit[9]
        fold(
            _curve(inner + xy(-side * 0.17, -0.22), inner + xy(-side * 0.2, 0.0), inner + xy(-side * 0.12, 0.22)), frown
        )
        for row in range(3):
            base = np.array([side * (0.05 + 0.03 * row), 0.1 + 0.17 * row])
            fold(_curve(base, base + xy(side * 0.3, 0.1 - 0.22)), 0.85 * unit[9] - 0.05)
        # behind the nostril, the dimple at the corner of the mouth, the marionette line below it
        fold(
            _curve(wing + xy(side * 0.08, -0.14), wing + xy(side * 0.13, 0.0), wing + xy(side * 0.02, 0.1)),
            0.45,
            0.03,
            0.02,
        )
        fold(
            _curve(corner + xy(side * 0.05, -0.07), corner + xy(side * 0.1, 0.03), corner + xy(side * 0.08, 0.16)),
            0.12 + 0.6 * unit[12] + 0.6 * unit[15] + 0.4 * unit[20] + 0.8 * unit[14],
            0.03,
        )
        fold(_curve(corner + xy(side * 0.1, 0.15), corner + xy(side * 0.16, 0.5)), 0.3 * age * age + 0.55 * unit[15])
    # forehead: from side to side when the whole brow rises, in its middle alone when the inner end does
    raised = np.array([activations[1] * 0.9, activations[2]]).max(axis=0)
    for row in range(4):
        y = -1.2 - 0.24 * row
        line = np.array([[-1.2, y + 0.1], [-0.6, y - 0.02], [0, y + 0.02], [0.6, y - 0.02], [1.2, y + 0.1]])
        sad = a[1] * (1 - min(a[2], 1.0))
        line[:, 0] *= 1 - 0.45 * sad
        fold(_curve(*line), 0.5 * age * age + 0.75 * float(raised.mean()) - 0.1, 0.03)
    # below the lower lip
    chin = float(geometry.chin) - 0.62
    fold(_curve([-0.42, chin + 0.12], [0, chin - 0.12], [0.42, chin + 0.12]), 0.1 + 0.7 * a[17], 0.04, 0.05)
    return total


def _curve(*points: np.ndarray | list[float]) -> np.ndarray:
    return spline(np.array(points, np.float64), 8)


def lighting(
    z: np.ndarray, folds: np.ndarray, direction: np.ndarray, ambient: float, shine: float
) -> tuple[np.ndarray, np.ndarray]:
    """Light on the relief: a softened Lambert term with hollows in shadow, and a highlight.

    Args:
      z: relief, face units, float32 [h, w].
      folds: depth of creases, 0..1, float32 [h, w].
      direction: unit vector to the light (x right, y down, z to the viewer).
      ambient: share of light without direction, 0..1.
      shine: strength of the highlight.

    Returns:
      brightness and highlight, float32 [h, w], about 0..1.3 and 0..shine.
    """
    surface = cv2.GaussianBlur(z - 0.05 * folds, (0, 0), 0.035 * UNIT)
    dx = cv2.Sobel(surface, cv2.CV_32F, 1, 0, ksize=3) * np.float32(UNIT / 8)
    dy = cv2.Sobel(surface, cv2.CV_32F, 0, 1, ksize=3) * np.float32(UNIT / 8)
    length = 1 / np.sqrt(dx * dx + dy * dy + 1)
    lx, ly, lz = (np.float32(v) for v in direction)
    cosine = (lz - lx * dx - ly * dy) * length
    wrapped = np.clip((cosine + 0.25) / 1.25, 0, None)
    small = cv2.resize(z, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    hollow = cv2.resize(cv2.GaussianBlur(small, (0, 0), 0.07 * UNIT), z.shape[::-1], interpolation=cv2.INTER_LINEAR) - z
    occlusion = 1 - np.clip(1.6 * hollow, 0, 0.4) - np.clip(0.26 * folds, 0, 0.5)
    brightness = (np.float32(ambient) + np.float32(1.05 - ambient) * wrapped) * occlusion
    hx, hy, hz = np.array([lx, ly, lz + 1]) / np.linalg.norm([lx, ly, lz + 1])
    facing = np.clip((np.float32(hz) - np.float32(hx) * dx - np.float32(hy) * dy) * length, 0, 1)
    return brightness, np.float32(shine) * facing**24
