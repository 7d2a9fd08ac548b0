"""Soft painting on a float picture: masks that know the window they cover, curves, noise."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

SIZE = 480  # pixels of the square canvas a face is painted on, before it is posed
UNIT = 52.0  # pixels of one face unit
ORIGIN = np.array([240.0, 232.0])  # where the point between the eyes lies
_SHIFT = 4  # OpenCV draws in sixteenths of a pixel


class Mask(NamedTuple):
    """How much of a layer shows: `alpha` float32 [h, w] of 0..1 at rows and columns `window` of the canvas."""

    window: tuple[slice, slice]
    alpha: np.ndarray


def grid() -> tuple[np.ndarray, np.ndarray]:
    """x of every column [SIZE] and y of every row [SIZE], in face units, float32."""
    steps = np.arange(SIZE, dtype=np.float32)
    return (steps - np.float32(ORIGIN[0])) / np.float32(UNIT), (steps - np.float32(ORIGIN[1])) / np.float32(UNIT)


def add_bump(field: np.ndarray, centre: tuple[float, float], spread: tuple[float, float], height: float) -> None:
    """Adds an upright Gaussian to `field` [SIZE, SIZE] in place; centre and deviations in face units, (x, y)."""
    profiles, windows = [], []
    for axis, middle, deviation in zip(grid(), centre, spread, strict=True):
        window = slice(*np.searchsorted(axis, [middle - 3.5 * deviation, middle + 3.5 * deviation]))
        profiles.append(np.exp(-0.5 * ((axis[window] - middle) / deviation) ** 2))
        windows.append(window)
    field[windows[1], windows[0]] += np.outer(np.float32(height) * profiles[1], profiles[0])


def to_pixels(points: np.ndarray) -> np.ndarray:
    """Face units [..., 2] to canvas pixels."""
    return np.asarray(points) * UNIT + ORIGIN


def xy(x: float, y: float) -> np.ndarray:
    """A point or a displacement, float64 [2]."""
    return np.array([x, y], np.float64)


def spline(points: np.ndarray, samples: int = 12, closed: bool = False) -> np.ndarray:
    """Catmull-Rom curve through `points` [n, 2], `samples` points a segment."""
    p = np.asarray(points, np.float64)
    p = np.concatenate([p[-1:], p, p[:2]]) if closed else np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    a, b, c, d = (p[i : len(p) - 3 + i, None] for i in range(4))
    t = np.linspace(0, 1, samples, endpoint=False)[None, :, None]
    curve = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - 3 * c + d - a) * t**3)
    curve = curve.reshape(-1, 2)
    return curve if closed else np.concatenate([curve, p[-2:-1]])


def polygon(points: np.ndarray, blur: float = 0.0) -> Mask:
    """The inside of a closed outline [n, 2] in face units, its edge softened by `blur` face units (a deviation)."""
    return _draw([points], blur, None)


def strokes(lines: list[np.ndarray], width: float, blur: float = 0.0) -> Mask:
    """Lines [n, 2] in face units, `width` face units thick."""
    return _draw(lines, blur, width)


def _draw(shapes: list[np.ndarray], blur: float, width: float | None) -> Mask:
    pixels = [to_pixels(shape) for shape in shapes]
    sigma = blur * UNIT
    margin = int(np.ceil(3 * sigma + (0 if width is None else width * UNIT) + 2))
    everything = np.concatenate(pixels)
    low = np.clip(np.floor(everything.min(axis=0)).astype(int) - margin, 0, SIZE - 1)
    high = np.clip(np.ceil(everything.max(axis=0)).astype(int) + margin + 1, low + 1, SIZE)
    paper = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
    integer = [np.round((p - low) * (1 << _SHIFT)).astype(np.int32) for p in pixels]
    if width is None:
        cv2.fillPoly(paper, integer, 255, cv2.LINE_AA, _SHIFT)
    else:
        thickness = max(round(width * UNIT), 1)
        cv2.polylines(paper, integer, False, 255, thickness, cv2.LINE_AA, _SHIFT)
    alpha = paper.astype(np.float32) / 255
    if sigma > 0.3:
        alpha = cv2.GaussianBlur(alpha, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return Mask((slice(low[1], high[1]), slice(low[0], high[0])), alpha)


def paint(picture: np.ndarray, mask: Mask, colour: np.ndarray | tuple[float, ...], opacity: float = 1.0) -> None:
    """Lays a colour over `picture` [SIZE, SIZE, 3] in place: one for all, or one a pixel of window or canvas."""
    colour = np.asarray(colour, np.float32)
    if colour.shape == picture.shape:
        colour = colour[mask.window]
    part = picture[mask.window]
    part += (colour - part) * (mask.alpha * np.float32(opacity))[..., None]


def shade(picture: np.ndarray, mask: Mask, factor: float | tuple[float, ...]) -> None:
    """Multiplies `picture` by `factor` (a number or RGB) under the mask, in place."""
    change = np.asarray(factor, np.float32) - 1
    picture[mask.window] *= 1 + mask.alpha[..., None] * change


def within(mask: Mask, limit: Mask) -> Mask:
    """`mask` where `limit` is too."""
    return Mask(mask.window, mask.alpha * _seen_from(mask, limit))


def outside(mask: Mask, hole: Mask) -> Mask:
    """`mask` where `hole` is not."""
    return Mask(mask.window, mask.alpha * (1 - _seen_from(mask, hole)))


def _seen_from(mask: Mask, other: Mask) -> np.ndarray:
    """The alpha of `other` on the window of `mask`, 0 where it does not reach."""
    alpha = np.zeros_like(mask.alpha)
    spans = []
    for mine, its in zip(mask.window, other.window, strict=True):
        low, high = max(mine.start, its.start), min(mine.stop, its.stop)
        if low >= high:
            return alpha
        spans.append((slice(low - mine.start, high - mine.start), slice(low - its.start, high - its.start)))
    (rows, its_rows), (columns, its_columns) = spans
    alpha[rows, columns] = other.alpha[its_rows, its_columns]
    return alpha


def noise(rng: np.random.Generator, cells: int, cells_y: int | None = None) -> np.ndarray:
    """Smooth noise of about unit deviation, float32 [SIZE, SIZE], with `cells` bumps across (and `cells_y` down)."""
    rows = cells_y or cells
    return cv2.resize(rng.standard_normal((rows, cells), np.float32), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
