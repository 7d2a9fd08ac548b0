"""Layers laid over a finished picture of a head, placed by its five landmarks."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

MOUTH = 2.1  # how far below the eyes the mouth lies, in face units: half the distance between the eyes
_SHIFT = 4  # OpenCV draws in sixteenths of a pixel


class FaceFrame(NamedTuple):
    """Where a face lies in its picture: it is rolled, turned and scaled as the head is.

    In face units the eyes are at (-1, 0) and (1, 0) and the middle of the mouth at (0, `MOUTH`); brows are near -0.8,
    the chin near 3.3, the hairline near -2.1, the sides of the head near -2.2 and 2.2.
    """

    origin: np.ndarray  # the middle of the eyes, pixels [2]
    across: np.ndarray  # one unit to the image's right
    down: np.ndarray  # one unit towards the mouth
    turned: float  # radians about the vertical axis: positive towards the image's right; as far as landmarks tell

    def window(self, low: np.ndarray, high: np.ndarray, shape: tuple[int, ...]) -> tuple[slice, slice]:
        """Rows and columns of a picture that a rectangle from `low` to `high`, face units [2], reaches; may be none."""
        corners = self.pixels(np.array([[x, y] for x in (low[0], high[0]) for y in (low[1], high[1])]))
        limits = [shape[1], shape[0]]
        first = np.clip(np.floor(corners.min(axis=0)), 0, limits).astype(int)
        last = np.clip(np.ceil(corners.max(axis=0)) + 1, first, limits).astype(int)
        return slice(int(first[1]), int(last[1])), slice(int(first[0]), int(last[0]))

    @property
    def unit(self) -> float:
        """Pixels of a face unit."""
        return float(np.hypot(*self.across))

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Face units [..., 2] to pixels."""
        points = np.asarray(points, np.float64)
        return self.origin + points[..., :1] * self.across + points[..., 1:] * self.down

    def units(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels (arrays that broadcast) to face units, float32."""
        (a, b), (c, d) = np.linalg.inv(np.stack([self.across, self.down], axis=1)).astype(np.float32)
        x, y = x - np.float32(self.origin[0]), y - np.float32(self.origin[1])
        return a * x + b * y, c * x + d * y


def face_frame(landmarks: np.ndarray) -> FaceFrame:
    """The frame of a face with these landmarks, float [5, 2]: eye, eye, nose tip, corner, corner; image-left first."""
    left, right, nose, *corners = np.asarray(landmarks, np.float64)
    origin, across = (left + right) / 2, (right - left) / 2
    mouth = (corners[0] + corners[1]) / 2
    down = (mouth - origin) / MOUTH
    # The tip of the nose stands out by about a unit: it leaves the line from eyes to mouth as the head turns.
    along = across / (across @ across)
    away = (nose - (origin + mouth) / 2) @ along
    return FaceFrame(origin, across, down, float(np.arctan(np.clip(away / 1.1, -1, 1))))


def seen_at(picture: np.ndarray, frame: FaceFrame, points: np.ndarray) -> np.ndarray:
    """The colours [n, 3] of a picture [H, W, 3] at points of the face, face units [n, 2], or at the nearest edge."""
    height, width = picture.shape[:2]
    columns, rows = np.clip(np.round(frame.pixels(points)), 0, [width - 1, height - 1]).astype(int).T
    return picture[rows, columns]


def pixel_grid(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """x [1, W] and y [H, 1] of every pixel, float32."""
    return np.arange(shape[1], dtype=np.float32)[None, :], np.arange(shape[0], dtype=np.float32)[:, None]


def filled(shape: tuple[int, ...], outlines: list[np.ndarray], blur: float = 0.0) -> np.ndarray:
    """The inside of closed outlines [n, 2] in pixels, float32 [H, W] of 0..1; `blur` is a deviation in pixels."""
    paper = np.zeros(shape[:2], np.uint8)
    for outline in outlines:
        cv2.fillPoly(paper, [np.round(outline * (1 << _SHIFT)).astype(np.int32)], 255, cv2.LINE_AA, _SHIFT)
    return _soft(paper, blur)


def stroked(shape: tuple[int, ...], lines: list[np.ndarray], width: float, blur: float = 0.0) -> np.ndarray:
    """Lines [n, 2] in pixels, float32 [H, W] of 0..1; those thinner than a pixel are fainter instead."""
    paper = np.zeros(shape[:2], np.uint8)
    points = [np.round(line * (1 << _SHIFT)).astype(np.int32) for line in lines]
    cv2.polylines(paper, points, False, min(255, 255 * width), max(round(width), 1), cv2.LINE_AA, _SHIFT)
    return _soft(paper, blur)


def _soft(paper: np.ndarray, blur: float) -> np.ndarray:
    alpha = paper.astype(np.float32) / 255
    return cv2.GaussianBlur(alpha, (0, 0), blur) if blur > 0.3 else alpha


def paint(picture: np.ndarray, alpha: np.ndarray, colour: np.ndarray) -> None:
    """Lays a colour, [3] or one a pixel, over `picture` [H, W, 3] where `alpha` [H, W] is, in place."""
    window, colour = _extent(alpha), np.asarray(colour, np.float32)
    part = picture[window]
    part += ((colour[window] if colour.ndim == 3 else colour) - part) * alpha[window][..., None]


def shade(picture: np.ndarray, alpha: np.ndarray, factor: float) -> None:
    """Darkens `picture` [H, W, 3] to `factor` of its values where `alpha` [H, W] is, in place."""
    window = _extent(alpha)
    picture[window] *= (1 - np.float32(1 - factor) * alpha[window])[..., None]


def shifted(alpha: np.ndarray, step: np.ndarray) -> np.ndarray:
    """`alpha` [H, W] moved by `step` pixels [2], for the shadow of what it covers."""
    matrix = np.array([[1, 0, step[0]], [0, 1, step[1]]], np.float32)
    return cv2.warpAffine(alpha, matrix, alpha.shape[::-1])


def _extent(alpha: np.ndarray) -> tuple[slice, slice]:
    """The rows and columns that a mask reaches: most are small, and the rest of the picture need not be touched."""
    rows, columns = (np.flatnonzero(alpha.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
