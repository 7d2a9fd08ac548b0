"""Views of a face as unlike it as photographs of one face are: turned, recoloured, blurred, small, covered in part."""

from __future__ import annotations

import math

import cv2
import numpy as np


def distorted(image: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """A random view of an aligned face.

    Args:
      image: uint8 RGB [W, W, 3], W at least `size`.
      size: side S of the view.
      rng: what the view is drawn from.
    Returns:
      uint8 RGB [S, S, 3].
    """
    view = _moved(image, size, rng)
    view = _recoloured(view.astype(np.float32), rng)
    view = _coarsened(view, rng)
    if rng.random() < 0.35:
        _erase(view, rng)
    return np.clip(np.rint(view), 0, 255).astype(np.uint8)


def _moved(image: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Mirrored or not, ±15 degrees, 0.85 to 1.2 times as large, a little sheared, shifted by up to 6 %."""
    angle, shear = math.radians(rng.uniform(-15, 15)), rng.uniform(-0.08, 0.08)
    zoom, aspect = rng.uniform(0.85, 1.2), rng.uniform(0.94, 1.06)
    cos, sin = math.cos(angle), math.sin(angle)
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.array([[1.0, shear], [0.0, 1.0]])
    linear = linear @ np.diag([aspect * rng.choice([-1.0, 1.0]), 1 / aspect]) * zoom
    target = (size - 1) / 2 + rng.uniform(-0.06, 0.06, 2) * size
    offset = target - linear @ np.full(2, (image.shape[0] - 1) / 2)
    transform = np.column_stack([linear, offset])
    return cv2.warpAffine(image, transform, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _recoloured(view: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Gamma, colour balance, contrast, brightness and saturation; a quarter of all views are grey."""
    view = 255 * (view / 255) ** np.float32(rng.uniform(0.7, 1.4)) * rng.uniform(0.85, 1.15, 3).astype(np.float32)
    mean = view.mean()
    view = (view - mean) * np.float32(rng.uniform(0.6, 1.4)) + mean * np.float32(rng.uniform(0.7, 1.3))
    grey = view @ np.array([0.299, 0.587, 0.114], np.float32)
    saturation = 0.0 if rng.random() < 0.25 else rng.uniform(0.4, 1.5)
    return grey[..., None] + (view - grey[..., None]) * np.float32(saturation)


def _coarsened(view: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Out of focus, or of few pixels, or neither; and noise."""
    size = view.shape[0]
    how = rng.random()
    if how < 0.3:
        view = cv2.GaussianBlur(view, (0, 0), size * rng.uniform(0.004, 0.02))
    elif how < 0.6:
        few = round(size * rng.uniform(0.25, 0.7))
        small = cv2.resize(view, (few, few), interpolation=cv2.INTER_AREA)
        view = cv2.resize(small, (size, size), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.4:
        view = view + rng.standard_normal(view.shape, np.float32) * np.float32(rng.uniform(2, 14))
    return view


def _erase(view: np.ndarray, rng: np.random.Generator) -> None:
    """Covers a rectangle of 2 to 15 % of the view with one colour, in place."""
    size = view.shape[0]
    area, ratio = rng.uniform(0.02, 0.15), math.exp(rng.uniform(-1, 1))
    height, width = (min(size, round(size * math.sqrt(share))) for share in (area * ratio, area / ratio))
    top, left = rng.integers(0, size - height + 1), rng.integers(0, size - width + 1)
    view[top : top + height, left : left + width] = rng.uniform(0, 255, 3)
