"""A hand held to the face: fingers and palm as rounded limbs, lit and casting a shadow."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from datasets.synthetic_faces.layers import FaceFrame, pixel_grid, shade

_LENGTHS = (1.9, 2.15, 2.0, 1.6)  # of the fingers from the index on, in face units (about 3 cm)
_LIGHT = np.array([-0.25, -0.6, 0.76], np.float32)


class Limb(NamedTuple):
    """A rounded piece of a hand between two points; everything in face units."""

    start: np.ndarray
    end: np.ndarray
    start_radius: float
    end_radius: float


class Hand(NamedTuple):
    """The limbs of a hand, and its fingertips as (place, direction) for the nails."""

    limbs: list[Limb]
    tips: list[tuple[np.ndarray, np.ndarray]]


def hand(knuckles: np.ndarray, wrist: np.ndarray, towards: float, fan: float, bend: float, size: float) -> Hand:
    """A hand of as many fingers as it has knuckles.

    Args:
      knuckles: [n, 2], the index finger's first, face units.
      wrist: [2]; the arm goes on from there, away from the knuckles.
      towards: direction of the fingers, radians from the image's right, clockwise.
      fan: how far the directions of neighbouring fingers differ, radians.
      bend: how far a finger turns at each joint, radians.
      size: 1 for an average hand.
    """
    limbs, tips = [], []
    middle = knuckles.mean(axis=0)
    for number, knuckle in enumerate(knuckles):
        limbs.append(Limb(knuckle, wrist, 0.36 * size, 0.62 * size))
        angle = towards + fan * (number - (len(knuckles) - 1) / 2)
        point, radius = knuckle, 0.29 * size
        for part in (0.44, 0.31, 0.25):
            direction = np.array([np.cos(angle), np.sin(angle)])
            end = point + part * _LENGTHS[number] * size * direction
            limbs.append(Limb(point, end, radius, 0.93 * radius))
            point, radius, angle = end, 0.93 * radius, angle + bend
        tips.append((point, direction))
    limbs.append(Limb(wrist, wrist + 1.5 * (wrist - middle), 0.72 * size, 0.85 * size))
    return Hand(limbs, tips)


def paint_hand(picture: np.ndarray, frame: FaceFrame, shown: Hand, skin: np.ndarray) -> None:
    """Paints a hand over a picture, float32 [H, W, 3], in place; `skin` float32 [3] is its colour in full light."""
    unit = frame.unit
    ends = np.array([point for limb in shown.limbs for point in (limb.start, limb.end)])
    rows, columns = frame.window(ends.min(axis=0) - 1.6, ends.max(axis=0) + 1.6, picture.shape)
    if rows.start == rows.stop or columns.start == columns.stop:
        return
    x, y = pixel_grid(picture.shape)
    x, y = frame.units(x[:, columns], y[rows])
    height, inside = np.zeros_like(x), np.full_like(x, -10.0)
    for limb in shown.limbs:
        near = _near(x, y, limb)
        depth, radius = _depth(x[near], y[near], limb)
        np.maximum(inside[near], depth, out=inside[near])
        np.maximum(height[near], np.sqrt(np.clip(depth * (2 * radius - depth), 0, None)), out=height[near])
    alpha = np.clip(inside * np.float32(unit) + np.float32(0.5), 0, 1)
    part = picture[rows, columns]
    fallen = cv2.GaussianBlur(alpha, (0, 0), 0.22 * unit)
    shade(part, fallen, 0.62)

    surface = cv2.GaussianBlur(height, (0, 0), 0.05 * unit) * np.float32(unit)
    dx, dy = (cv2.Sobel(surface, cv2.CV_32F, *order, ksize=3, scale=1 / 8) for order in ((1, 0), (0, 1)))
    facing = (_LIGHT[2] - _LIGHT[0] * dx - _LIGHT[1] * dy) / np.sqrt(dx * dx + dy * dy + 1)
    hollow = np.clip(cv2.GaussianBlur(height, (0, 0), 0.14 * unit) - height, 0, None)
    light = (np.float32(0.42) + np.float32(0.66) * np.clip(facing + 0.15, 0, 1)) * (1 - np.clip(1.6 * hollow, 0, 0.4))
    colour = light[..., None] * np.asarray(skin, np.float32)
    colour *= 1 - (1 - light[..., None]) * np.array([-0.06, 0.08, 0.12], np.float32)  # light within skin is red
    for place, direction in shown.tips:
        near = _near(x, y, Limb(place, place, 0.3, 0.3))
        nail = np.float32(0.45) * _nail(x[near], y[near], place, direction)[..., None]
        colour[near] += nail * (light[near][..., None] * np.array([0.98, 0.8, 0.77], np.float32) - colour[near])
    part += (colour - part) * alpha[..., None]


def _near(x: np.ndarray, y: np.ndarray, limb: Limb) -> tuple[slice, slice]:
    """The part of the window (its points' face units x and y) that a limb can reach."""
    ends = np.stack([limb.start, limb.end])
    reach = max(limb.start_radius, limb.end_radius) + 0.1
    low, high = ends.min(axis=0) - reach, ends.max(axis=0) + reach
    inside = (x > low[0]) & (x < high[0]) & (y > low[1]) & (y < high[1])
    spans = []
    for axis in (1, 0):
        hit = np.flatnonzero(inside.any(axis=axis))
        spans.append(slice(int(hit[0]), int(hit[-1]) + 1) if len(hit) else slice(0, 0))
    return spans[0], spans[1]


def _depth(x: np.ndarray, y: np.ndarray, limb: Limb) -> tuple[np.ndarray, np.ndarray]:
    """How far inside the limb's outline every point is (negative: outside), and the limb's radius there."""
    axis = limb.end - limb.start
    dx, dy = x - np.float32(limb.start[0]), y - np.float32(limb.start[1])
    along = np.clip((dx * np.float32(axis[0]) + dy * np.float32(axis[1])) / np.float32(max(axis @ axis, 1e-6)), 0, 1)
    radius = np.float32(limb.start_radius) + along * np.float32(limb.end_radius - limb.start_radius)
    distance = np.hypot(dx - along * np.float32(axis[0]), dy - along * np.float32(axis[1]))
    return radius - distance, radius


def _nail(x: np.ndarray, y: np.ndarray, place: np.ndarray, direction: np.ndarray) -> np.ndarray:
    dx, dy = x - np.float32(place[0]), y - np.float32(place[1])
    along = dx * np.float32(direction[0]) + dy * np.float32(direction[1])
    across = dy * np.float32(direction[0]) - dx * np.float32(direction[1])
    return np.clip(6 * (1 - np.hypot((along - np.float32(0.04)) / 0.17, across / np.float32(0.13))), 0, 1)
