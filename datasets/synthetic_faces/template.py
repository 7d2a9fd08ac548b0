"""Where things are on everybody's head: coordinates of the average head's surface, in which skin is painted.

A place on the surface is known by the direction from the inside of the average head: its angle from straight ahead (in
radians) is its distance from the map's centre, so that the face lies undistorted in the middle of the map.
"""

from __future__ import annotations

import functools

import cv2
import numpy as np

from datasets.synthetic_faces.head import SKIN, head_model
from datasets.synthetic_faces.rasteriser import draw_triangles, empty_buffers

SIZE = 704
REACH = 2.35
CENTRE = np.array([0.0, 7.1, 0.2], np.float32)
# The part of the map that holds the face.
FACE = slice(SIZE // 2 - 176, SIZE // 2 + 176)
_FRONT_SIZE = 320
_FRONT_REACH = 1.6


def coordinates(points: np.ndarray) -> np.ndarray:
    """Points of the average head [..., 3] → their place in the map in its pixels, float32 [..., 2]."""
    return (_place(points) * (SIZE / 2) - 0.5).astype(np.float32)


def look_up(table: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Values of a map [s, s, ...] of any resolution at points of the average head [..., 3], the nearest pixel's."""
    pixel = np.clip(_place(points) * (len(table) / 2), 0, len(table) - 1).astype(np.int32)
    return table[pixel[..., 1], pixel[..., 0]]


def _place(points: np.ndarray) -> np.ndarray:
    """Points of the average head [..., 3] → their place in the map, x and y of 0..2 [..., 2]."""
    d = points - CENTRE
    across = np.hypot(d[..., 0], d[..., 1])
    scale = np.arctan2(across, d[..., 2]) / np.maximum(across, 1e-9)
    return np.stack([d[..., 0] * scale, -d[..., 1] * scale], -1) / REACH + 1


@functools.lru_cache(maxsize=1)
def _front() -> np.ndarray:
    """How far forward the average head's surface is, seen from the front, float32 [_FRONT_SIZE, _FRONT_SIZE]."""
    model = head_model()
    screen = model.template.copy()
    screen[:, 0] = (screen[:, 0] / _FRONT_REACH + 1) * _FRONT_SIZE / 2
    screen[:, 1] = (1 - (screen[:, 1] - CENTRE[1]) / _FRONT_REACH) * _FRONT_SIZE / 2
    screen[:, 2] += 10
    buffers = empty_buffers(_FRONT_SIZE, _FRONT_SIZE)
    draw_triangles(screen, model.triangles[model.part == SKIN], *buffers)
    return np.where(buffers.depth > 0, buffers.depth - 10, 0.2).astype(np.float32)


def on_face(xy: np.ndarray) -> np.ndarray:
    """Points seen from the front (x, y in dm) [n, 2] → the points of the average head's surface there [n, 3]."""
    column = (xy[:, 0] / _FRONT_REACH + 1) * _FRONT_SIZE / 2
    row = (1 - (xy[:, 1] - CENTRE[1]) / _FRONT_REACH) * _FRONT_SIZE / 2
    limit = _FRONT_SIZE - 1
    z = _front()[np.clip(row.round(), 0, limit).astype(int), np.clip(column.round(), 0, limit).astype(int)]
    return np.column_stack([xy, z])


@functools.lru_cache(maxsize=1)
def surface_map() -> tuple[np.ndarray, np.ndarray]:
    """What lies at every pixel of the map: triangle int32 [SIZE, SIZE] (-1: nothing), weights of its corners [..., 3].

    Of what lies behind one another (lids and the folds under them) it is the outermost.
    """
    model = head_model()
    screen = np.empty_like(model.template)
    screen[:, :2] = coordinates(model.template)
    screen[:, 2] = np.linalg.norm(model.template - CENTRE, axis=1)
    skin = np.flatnonzero(model.part == SKIN)
    inner = model.masks["inside_mouth"][model.triangles[skin]].max(1) > 0.5
    span = np.ptp(screen[model.triangles[skin], :2], axis=1).max(1)
    skin = skin[~inner & (span < SIZE / 8)]
    buffers = empty_buffers(SIZE, SIZE)
    draw_triangles(screen, model.triangles[skin], *buffers)
    item = np.where(buffers.item >= 0, skin[np.maximum(buffers.item, 0)], -1).astype(np.int32)
    bc = buffers.weight
    return item, np.concatenate([1 - bc.sum(-1, keepdims=True), bc], -1)


def spread(values: np.ndarray, step: int = 1) -> np.ndarray:
    """Values of the finer mesh's vertices [N, ...] → a map of them, float32 [SIZE, SIZE, ...]; 0 where nothing is.

    With a `step` it is a map of every so many pixels, [SIZE / step, SIZE / step, ...].
    """
    item, weight = (table[::step, ::step] for table in surface_map())
    triangle = head_model().triangles[np.maximum(item, 0)]
    weight = np.where((item >= 0)[..., None], weight, 0).astype(np.float32)
    more = (1,) * (values.ndim - 1)
    return sum(values[triangle[..., k]] * weight[..., k].reshape(item.shape + more) for k in range(3)).astype(
        np.float32
    )


def fill(values: np.ndarray) -> np.ndarray:
    """A map as `spread` makes it with the empty places filled from what lies around them."""
    step = SIZE // len(values)
    there = (surface_map()[0][::step, ::step] >= 0).astype(np.float32)
    more = (1,) * (values.ndim - 2)
    for reach in (0.02, 0.06, 0.25):
        sigma = reach * len(values)
        known = cv2.GaussianBlur(there, (0, 0), sigma)
        near = cv2.GaussianBlur(values * there.reshape(there.shape + more), (0, 0), sigma)
        take = (there < 0.5) & (known > 0.02)
        near = near / np.maximum(known, 1e-6).reshape(there.shape + more)
        values = np.where(take.reshape(there.shape + more), near, values)
        there = np.maximum(there, take)
    return values


def lies_on_skin(points: np.ndarray) -> np.ndarray:
    """Whether points of the average head [..., 3] have a place on the map, bool [...]."""
    place = np.clip(np.round(coordinates(points)), 0, SIZE - 1).astype(int)
    return surface_map()[0][place[..., 1], place[..., 0]] >= 0


def attach(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What holds points of the average head's surface [..., 3]: three vertices int [..., 3] and weights [..., 3]."""
    item, weight = surface_map()
    place = np.clip(np.round(coordinates(points)), 0, SIZE - 1).astype(int)
    triangle = np.maximum(item[place[..., 1], place[..., 0]], 0)
    return head_model().triangles[triangle], weight[place[..., 1], place[..., 0]]
