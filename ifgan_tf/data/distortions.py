"""Views of a face as unlike it as photographs of one face are, for models that are to read photographs.

Not in the paper. What happens to light on its way into a file, in that order: skin has lines, something lies before it,
light falls on both, then come the camera's colours, its lens, its pixels, their noise, and the file's compression.
Every distortion but that of colours spares some views, so that a model also sees faces as they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

import cv2
import numpy as np

from ifgan_tf.data.wrinkles import wrinkled

AFFINE = "affine"


def affine(size: int, rng: np.random.Generator) -> np.ndarray:
    """Turned, larger or smaller, sheared, moved: as landmarks found a little wrong leave a face, and a head's pose.

    Args:
      size: side S of the view.
      rng: what it is drawn from: ±12 degrees, 0.85 to 1.2 times as large, ±6 % of aspect, ±5 % of S away.
    Returns:
      float64 [2, 3], from a pixel of the distorted view to one of the view.
    """
    angle, shear = math.radians(rng.uniform(-12, 12)), rng.uniform(-0.08, 0.08)
    zoom, aspect = rng.uniform(0.85, 1.2), rng.uniform(0.94, 1.06)
    cos, sin = math.cos(angle), math.sin(angle)
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.array([[1.0, shear], [0.0, 1.0]])
    linear = linear @ np.diag([aspect / zoom, 1 / (aspect * zoom)])
    centre = np.full(2, (size - 1) / 2)
    return np.column_stack([linear, centre + rng.uniform(-0.05, 0.05, 2) * size - linear @ centre])


def distorted(view: np.ndarray, names: Collection[str], rng: np.random.Generator) -> np.ndarray:
    """A view as another photograph would have it.

    Args:
      view: uint8 RGB [S, S, 3].
      names: of distortions, see `DISTORTIONS`; the others leave it alone.
      rng: what they are drawn from.
    Returns:
      uint8 RGB [S, S, 3].
    """
    pixels = view.astype(np.float32)
    for name, distort in DISTORTIONS.items():
        if name in names:
            pixels = distort(pixels, rng)
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def _aged(view: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Three in five views: lines of skin."""
    return wrinkled(view, rng) if rng.random() < 0.6 else view


def _occluded(view: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A third of the views: a rectangle of 2 to 15 % of the view, of one colour, lies before the face."""
    if rng.random() >= 0.35:
        return view
    size = view.shape[0]
    area, ratio = rng.uniform(0.02, 0.15), math.exp(rng.uniform(-1, 1))
    height, width = (min(size, round(size * math.sqrt(share))) for share in (area * ratio, area / ratio))
    top, left = rng.integers(0, size - height + 1), rng.integers(0, size - width + 1)
    covered = view.copy()
    covered[top : top + height, left : left + width] = rng.uniform(0, 255, 3)
    return covered


def _lit(view: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Half of the views: brighter towards one side, up to 2.5 times as bright there as on the other."""
    if rng.random() >= 0.5:
        return view
    size = view.shape[0]
    angle, strength = rng.uniform(0, 2 * math.pi), rng.uniform(0, math.log(2.5))
    across = np.linspace(-0.5, 0.5, size, dtype=np.float32)
    ramp = across[None, :] * np.float32(math.cos(angle)) + across[:, None] * np.float32(math.sin(angle))
    return view * np.exp(np.float32(strength) * ramp)[..., None]


def _coloured(view: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Gamma, colour balance, contrast, brightness and saturation."""
    view = 255 * np.clip(view / 255, 0, 1) ** np.float32(math.exp(rng.uniform(-0.4, 0.4)))
    view = view * rng.uniform(0.85, 1.15, 3).astype(np.float32)
    mean = view.mean()
    view = (view - mean) * np.float32(rng.uniform(0.6, 1.4)) + mean * np.float32(rng.uniform(0.7, 1.3))
    return _saturated(view, rng.uniform(0.4, 1.5))


def _grey(view: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A quarter of the views."""
    return _saturated(view, 0.0) if rng.random() < 0.25 else view


def _saturated(view: np.ndarray, saturation: float) -> np.ndarray:
    grey = view @ np.array([0.299, 0.587, 0.114], np.float32)
    return grey[..., None] + (view - grey[..., None]) * np.float32(saturation)


def _blurred(view: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A quarter of the views: out of focus, by 0.4 to 2 % of the view's side."""
    if rng.random() >= 0.25:
        return view
    return cv2.GaussianBlur(view, (0, 0), view.shape[0] * rng.uniform(0.004, 0.02))


def _coarse(view: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Three in five views: enlarged from 20 to 80 % of its pixels, evenly in octaves.

    What is rendered looks least like a photograph in its finest detail.
    """
    if rng.random() >= 0.6:
        return view
    size = view.shape[0]
    few = round(size * math.exp(rng.uniform(math.log(0.2), math.log(0.8))))
    small = cv2.resize(view, (few, few), interpolation=cv2.INTER_AREA)
    how = cv2.INTER_LINEAR if rng.random() < 0.5 else cv2.INTER_CUBIC
    return cv2.resize(small, (size, size), interpolation=how)


def _filtered(view: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A quarter of the views: laid over by a random convolution of itself, so that texture tells less than shape.

    Xu et al., "Robust and Generalizable Visual Representation Learning via Random Convolutions", ICLR 2021.
    """
    if rng.random() >= 0.25:
        return view
    side = int(rng.choice([1, 3, 5, 7]))
    kernels = rng.normal(0, 1, (3, 3, side, side)).astype(np.float32)
    other = np.stack([sum(cv2.filter2D(view[..., i], -1, k[i]) for i in range(3)) for k in kernels], axis=-1)
    other = (other - other.mean()) * (view.std() / (other.std() + 1e-3)) + view.mean()
    share = np.float32(rng.uniform())
    return np.clip(share * view + (1 - share) * other, 0, 255)


def _noisy(view: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Two fifths of the views: a deviation of 2 to 14."""
    if rng.random() >= 0.4:
        return view
    return view + rng.standard_normal(view.shape, np.float32) * np.float32(rng.uniform(2, 14))


def _compressed(view: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A third of the views: JPEG of quality 20 to 80."""
    if rng.random() >= 0.35:
        return view
    whole = np.clip(np.rint(view), 0, 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", whole[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 81))])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.float32)[..., ::-1]


# What is done to a view, float32 RGB [S, S, 3] about 0..255; `AFFINE` is part of the view's one resampling.
DISTORTIONS: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "wrinkles": _aged,
    "occlusion": _occluded,
    "light": _lit,
    "colour": _coloured,
    "grey": _grey,
    "filter": _filtered,
    "blur": _blurred,
    "resolution": _coarse,
    "noise": _noisy,
    "jpeg": _compressed,
}
