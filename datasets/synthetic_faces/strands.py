"""Hair, strand by strand: on the scalp, in the brows, on the lids, as a beard."""

from __future__ import annotations

import functools
from typing import NamedTuple

import cv2
import numpy as np

from datasets.synthetic_faces.head import LASHES, head_model
from datasets.synthetic_faces.looks import Looks
from datasets.synthetic_faces.skin import beard_area, noise
from datasets.synthetic_faces.template import (
    CENTRE,
    attach,
    fill,
    lies_on_skin,
    look_up,
    on_face,
    spread,
)

_BETWEEN_LIDS = 7.27  # y of the average head: upper lashes lie above it, lower ones below
_POINTS = {"buzz": 3, "bald": 2, "short": 5, "afro": 9, "curly": 16}
_ROOTS = {"buzz": 15000, "bald": 2500, "short": 12000, "afro": 9000, "curly": 8000}


class Rooted(NamedTuple):
    """Strands that move with the face.

    Attributes:
      vertex, weight: int and float32 [S, K, 3]: what holds each point.
      lift: float32 [S, K], how far it stands off the skin, dm.
      colour: float32 [S, 3].
    """

    vertex: np.ndarray
    weight: np.ndarray
    lift: np.ndarray
    colour: np.ndarray

    def points(self, vertices: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """Where the strands are on a head with these vertices and normals [N, 3], float32 [S, K, 3]."""
        weight = self.weight[..., None]
        skin = (vertices[self.vertex] * weight).sum(2)
        return skin + (normals[self.vertex] * weight).sum(2) * self.lift[..., None]


class Hair(NamedTuple):
    """What grows on the scalp: `points` float32 [S, K, 3] of the average head, `colour` and how far out, 0..1 [S]."""

    points: np.ndarray
    colour: np.ndarray
    outside: np.ndarray


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def _shades(colour: tuple[float, float, float], n: int, rng: np.random.Generator, spread_: float = 0.22) -> np.ndarray:
    return (np.array(colour) * np.exp(rng.normal(0, spread_, (n, 1)))).astype(np.float32)


def grow_brows(looks: Looks, rng: np.random.Generator) -> Rooted:
    """Both brows: hairs that point up at the inner end and outwards along the rest."""
    n = int(300 + 400 * looks.brow_density)
    along = rng.beta(1.05, 1.15, n)
    x = 0.125 + 0.37 * along
    middle = 7.455 + looks.brow_arch * np.sin(np.pi * along * 0.78) ** 1.3 - 0.09 * np.clip(along - 0.55, 0, 1)
    half = (
        looks.brow_thickness * 0.5 * (1 - 0.75 * np.clip(along - 0.45, 0, 1) ** 1.2) * np.clip(0.45 + along * 4, 0, 1)
    )
    y = middle + half * np.clip(rng.normal(0, 0.55, n), -1.1, 1.1)
    slope = (
        np.interp(along, [0, 0.15, 0.5, 1], [1.2, 0.45, 0.08, -0.4])
        + rng.normal(0, 0.16, n)
        - 0.35 * (y - middle) / looks.brow_thickness
    )
    length = rng.uniform(0.05, 0.085, n) * np.interp(along, [0, 0.3, 1], [0.7, 1, 0.75])
    side = np.where(rng.random(n) < 0.5, -1.0, 1.0)
    steps = np.linspace(0, 1, 4)
    px = x[:, None] + length[:, None] * steps * np.cos(slope)[:, None]
    py = (
        y[:, None]
        + length[:, None] * steps * np.sin(slope)[:, None]
        - 0.25 * length[:, None] * steps**2 * np.cos(slope)[:, None]
    )
    xy = np.stack([px * side[:, None], py], -1)
    vertex, weight = attach(on_face(xy.reshape(-1, 2)).reshape(n, 4, 3))
    lift = np.broadcast_to(0.010 + 0.012 * np.sin(np.pi * steps * 0.8), (n, 4))
    return Rooted(
        vertex,
        weight.astype(np.float32),
        lift.astype(np.float32),
        _shades(looks.brow, n, rng) + 0.22 * np.array(looks.skin, np.float32),
    )


def grow_beard(looks: Looks, rng: np.random.Generator) -> Rooted | None:
    """Beard, moustache or stubble; None if there is none."""
    density = max(looks.beard, looks.moustache, 0.5 * looks.stubble)
    if not density:
        return None
    n = int(9000 * density)
    xy = rng.uniform([-0.95, 5.95], [0.95, 6.95], (4 * n, 2))
    roots = on_face(xy)
    grows = beard_area(roots[:, 0], roots[:, 1], roots[:, 2])
    lip = (roots[:, 1] > 6.72) & (np.abs(roots[:, 0]) < 0.36)
    grows = grows * np.where(
        lip, looks.moustache if looks.beard or looks.moustache else looks.stubble, looks.beard or looks.stubble * 0.9
    )
    grows = grows * (look_up(spread(head_model().masks["lips"], 2), roots) < 0.1)
    roots = roots[rng.random(len(roots)) < grows][:n]
    n = len(roots)
    if not n:
        return None
    bearded = looks.beard or looks.moustache
    length = rng.uniform(0.05, 0.14, n) * (0.6 + looks.beard) if bearded else rng.uniform(0.008, 0.02, n)
    steps = np.linspace(0, 1, 3)
    down = np.stack(
        [
            0.55 * np.sign(roots[:, 0]) * (np.abs(roots[:, 0]) < 0.3) + rng.normal(0, 0.35, n),
            -1 + rng.normal(0, 0.2, n),
        ],
        -1,
    )
    xy = roots[:, None, :2] + down[:, None] * (length[:, None] * steps)[..., None] * 0.8
    path = on_face(xy.reshape(-1, 2)).reshape(n, 3, 3)
    # Below the jaw the front view sees nothing of the skin: what would start there starts elsewhere.
    vertex, weight = attach(path)
    held = (head_model().template[vertex] * weight[..., None]).sum(2)
    whole = lies_on_skin(path).all(1) & (np.linalg.norm(held - path, axis=2).max(1) < 0.03)
    whole &= np.linalg.norm(np.diff(path, axis=1), axis=2).max(1) < length
    vertex, weight, length = vertex[whole], weight[whole], length[whole]
    n = len(length)
    lift = (0.006 + length[:, None] * 0.45 * steps).astype(np.float32)
    grey = 0.4 if looks.lines > 0.6 else 0.1
    colour = _shades(looks.brow, n, rng, 0.3) + (0.15 if bearded else 0.4) * np.array(looks.skin, np.float32)
    colour[rng.random(n) < grey * looks.lines] = 0.35
    return Rooted(vertex, weight.astype(np.float32), lift, colour)


def grow_lashes(looks: Looks, rng: np.random.Generator) -> Rooted:
    """Lashes along the strips of the head model that stand for them."""
    model = head_model()
    quads = model.triangles[model.part == LASHES].reshape(-1, 6)[:, [0, 1, 2, 5]]
    eyes = (model.vertices[model.eyes]).mean(1)
    corners = model.template[quads]
    centre = eyes[(corners[..., 0].mean(1) > 0).astype(int)]
    far = np.linalg.norm(corners - centre[:, None], axis=2)
    # Of a quad's two pairs of opposite sides those are the lashes that lead away from the eye.
    one = np.minimum(np.abs(far[:, 0] - far[:, 1]), np.abs(far[:, 3] - far[:, 2])) > np.minimum(
        np.abs(far[:, 0] - far[:, 3]), np.abs(far[:, 1] - far[:, 2])
    )
    quads = np.where(one[:, None], quads, quads[:, [3, 0, 1, 2]])
    upper = corners.mean(1)[:, 1] > _BETWEEN_LIDS
    times = np.where(upper, 1 + round(2 * looks.lashes), 1)
    quads, upper = np.repeat(quads, times, 0), np.repeat(upper, times)
    quads = quads[rng.random(len(quads)) < np.where(upper, 1.0, 0.3 * looks.lashes)]
    # A lash runs from a place on the side at the lid to the same place on the side opposite.
    n = len(quads)
    u = rng.random(n)
    vertex = np.stack([quads[:, [0, 3, 3]], quads[:, [1, 2, 2]]], 1)
    weight = np.repeat(np.stack([1 - u, u, 0 * u], -1)[:, None], 2, 1)
    colour = _shades((0.012, 0.01, 0.01), n, rng)
    return Rooted(vertex, weight.astype(np.float32), np.zeros((n, 2), np.float32), colour)


def _hairline(azimuth: np.ndarray) -> np.ndarray:
    """The height (y of the average head) above which hair grows, by the angle from straight ahead, 0..π."""
    knots = [0, 0.3, 0.55, 0.8, 0.98, 1.12, 1.28, 1.42, 1.6, 1.9, 2.3, np.pi]
    heights = [7.85, 7.86, 7.86, 7.78, 7.56, 7.4, 7.12, 7.05, 7.4, 7.2, 7.0, 6.85]
    return np.interp(azimuth, knots, heights)


def scalp(points: np.ndarray, looks: Looks) -> np.ndarray:
    """How far inside the hair points of the average head [..., 3] are, dm: above 0 hair grows, ragged at the edge."""
    azimuth = np.arctan2(np.abs(points[..., 0]), points[..., 2] - 0.3)
    recess = looks.hairline * np.exp(-np.square((azimuth - 0.55) / 0.4)) + max(looks.hairline, 0) * 0.5 * (
        azimuth < 0.9
    )
    inside = points[..., 1] - _hairline(azimuth) - recess
    if looks.hair_style == "bald":
        inside = np.minimum(inside, 7.75 - points[..., 1])
    return inside.astype(np.float32)


@functools.lru_cache(maxsize=1)
def _radius_map() -> np.ndarray:
    """How far the average head's skin is from `CENTRE` in every direction, float32 [SIZE / 2, SIZE / 2]."""
    radius = fill(np.linalg.norm(spread(head_model().template, 2) - CENTRE, axis=-1))
    # Hair does not lie on shoulders: it falls behind them.
    below = np.arange(len(radius))[:, None] > len(radius) / 2
    return cv2.GaussianBlur(np.where(below, np.minimum(radius, 1.4), radius), (0, 0), 1.5)


@functools.lru_cache(maxsize=1)
def _ears() -> np.ndarray:
    """Where the ears are, float32 [SIZE / 2, SIZE / 2] of 0..1."""
    return cv2.GaussianBlur(spread(head_model().masks["ears"], 2), (0, 0), 2)


def _roots(looks: Looks, rng: np.random.Generator, n: int) -> np.ndarray:
    """Places on the average head's scalp, float32 [n, 3], thinning out towards a ragged hairline."""
    y = rng.uniform(-0.6, 1, 6 * n)
    azimuth = rng.uniform(-np.pi, np.pi, 6 * n)
    level = np.sqrt(1 - y * y)
    direction = np.stack([level * np.sin(azimuth), y, level * np.cos(azimuth)], -1).astype(np.float32)
    points = CENTRE + direction * look_up(_radius_map(), CENTRE + direction)[:, None]
    rough = look_up(noise(rng, 256, 40), points) * 0.03 + look_up(noise(rng, 256, 100), points) * 0.02
    inside = scalp(points, looks) + rough
    inside -= look_up(_ears(), points)
    # What the camera never sees needs but few.
    seen = np.clip(0.3 + 0.9 * (points[:, 2] + 0.1), 0.25, 1)
    keep = rng.random(len(points)) < np.clip(inside / 0.05, 0, 1) * seen
    return points[keep][:n].astype(np.float32)


def grow_hair(looks: Looks, rng: np.random.Generator) -> Hair:
    """Grows the hair of the head on the average head.

    Args:
      looks: the person's hair.
      rng: the person's own stream.
    """
    style = looks.hair_style
    steps = _POINTS.get(style, 12)
    roots = _roots(looks, rng, _ROOTS.get(style, 11000))
    n = len(roots)
    radius = _radius_map()
    normal = _unit(roots - CENTRE - np.array([0, 0, -0.15], np.float32))
    length = looks.hair_length * rng.uniform(0.75, 1.1, (n, 1)).astype(np.float32)
    if style not in ("bob", "long", "curly"):  # cut short at the neck
        length *= np.clip((roots[:, 1:2] - 6.95) / 0.5, 0.2, 1)
    outside = np.sqrt(rng.random((n, 1))).astype(np.float32)
    volume = looks.hair_volume if style not in ("buzz", "bald", "short", "tied") else 0.09
    margin = (0.015 + volume * outside).astype(np.float32)
    lock = np.stack([look_up(noise(rng, 256, 45), roots) for _ in range(3)], -1)

    part = looks.hair_part if style != "fringe" else 0.0
    away = np.where(roots[:, :1] - part + 0.05 * lock[:, :1] > 0, 1.0, -1.0).astype(np.float32)
    top = np.clip((roots[:, 1:2] - 7.75) / 0.5, 0, 1)
    front = np.clip((roots[:, 2:] - 0.55) / 0.4, 0, 1) * top
    flow, stand, gravity, inertia = _flow(style, roots, away, top, front)
    direction = _unit(normal * stand * (0.35 + 0.65 * top) + flow + 0.18 * lock)
    points = [roots]
    position = roots.copy()
    step = length / (steps - 1)
    forehead_cut = 7.66 + 0.05 * lock[:, :1]
    for k in range(1, steps):
        flow = _flow(style, position, away, np.clip((position[:, 1:2] - 7.8) / 0.4, 0, 1), front)[0]
        pull = flow + np.array([0, -1, 0], np.float32) * gravity * (k / steps) ** 0.5
        if style in ("bob", "long", "side_part", "curly"):
            # Hair falls beside the face, not over it.
            over_face = np.clip((position[:, 2:] - 0.75) / 0.3, 0, 1) * np.clip((8.05 - position[:, 1:2]) / 0.3, 0, 1)
            pull = pull + np.concatenate([away, 0 * away, -0.8 + 0 * away], 1) * over_face * 1.6
        if style in ("bob", "long"):
            direction[:, 0] *= np.where(position[:, 1] < 7.5, 0.6, 1.0)
        direction = _unit(direction * inertia + pull + rng.normal(0, 0.08, (n, 3)) + 0.06 * lock)
        position = position + direction * step
        if style == "tied":
            position = np.where(position[:, 2:] < -0.62, points[-1], position)
        if style in ("long", "bob", "curly"):
            position = np.where(points[-1][:, 1:2] < 5.5 + 0.08 * lock[:, :1], points[-1], position)
        if style == "fringe":
            done = (position[:, 1:2] < forehead_cut) & (position[:, 2:] > 0.9)
            position = np.where(done, points[-1], position)
        offset = position - CENTRE
        distance = np.linalg.norm(offset, axis=1, keepdims=True)
        least = look_up(radius, position)[:, None] + margin * min(1.0, 2.5 * k / steps)
        outer = np.where(distance < least, least, distance)
        slack = {"bob": 0.06, "long": 0.06, "side_part": 0.12, "tied": 0.12, "fringe": 0.12, "short": 0.12}.get(style)
        if slack is not None:  # lies on the head, and falls free below the ears
            outer = np.where(position[:, 1:2] > 7.15, np.minimum(outer, least + slack), outer)
        position = (CENTRE + offset * (outer / distance)).astype(np.float32)
        points.append(position)
    path = np.stack(points, 1)
    path = _curl(path, looks, style, rng)
    base = _shades(looks.hair, n, rng, 0.2) * np.exp(0.16 * lock[:, :1])
    # A strand on its own way far from the others looks like a scratch on the picture.
    level = np.hypot(path[..., 0], path[..., 2] - CENTRE[2]).max(1)
    together = level < np.quantile(level, 0.985) + 0.03
    return Hair(path[together].astype(np.float32), base[together].astype(np.float32), outside[together, 0])


def _flow(
    style: str, roots: np.ndarray, away: np.ndarray, top: np.ndarray, front: np.ndarray
) -> tuple[np.ndarray, float, float, float]:
    """Where hair is combed [n, 3], how far it stands up, how much it hangs, how stiff it is."""
    nothing = 0 * away
    down_back = np.concatenate([nothing, -1 + nothing, -0.3 + nothing], 1)
    if style in ("buzz", "bald"):
        return np.concatenate([nothing, -0.5 * (1 - top), 0.4 * top], 1), 1.0, 0.0, 1.0
    if style == "short":
        return np.concatenate([0.3 * away, -0.9 * (1 - top) + 0.05, 0.7 * front - 0.3 * (1 - front)], 1), 0.4, 0.3, 0.6
    if style == "side_part":
        return np.concatenate([1.1 * away * top, -0.8 * (1 - top) - 0.1, -0.5 - 0.2 * front], 1), 0.5, 0.35, 0.8
    if style == "fringe":
        combed = np.concatenate([0.25 * away, -0.8 + nothing, 1.4 * front - 0.2], 1)
        return combed, 0.25, 0.5, 0.6
    if style == "tied":
        return _unit(np.array([0, 7.75, -0.75], np.float32) - roots) * 1.2, 0.05, 0.0, 0.5
    if style in ("afro", "curly"):
        return (
            0.5 * down_back * (1 - top) + np.concatenate([0.5 * away, nothing, nothing], 1),
            0.9,
            0.12 if style == "afro" else 1.0,
            0.9,
        )
    return np.concatenate([0.9 * away * top, -0.7 + 0.4 * top, -0.35 + nothing], 1), 0.35, 1.1, 0.7


def _curl(path: np.ndarray, looks: Looks, style: str, rng: np.random.Generator) -> np.ndarray:
    """Winds strands into waves or curls; neighbours wind alike, so that locks form."""
    n, steps, _ = path.shape
    if style in ("buzz", "bald", "short", "tied"):
        return path
    tight = style in ("afro", "curly")
    amount = 0.05 if style == "curly" else 0.035 if style == "afro" else 0.035 * looks.hair_wave
    turns = looks.hair_length * (5.0 if tight else 0.7 + looks.hair_wave)
    phase = look_up(noise(rng, 256, 18), path[:, 0]) * 2.5 + rng.normal(0, 0.5 if not tight else 1.2, n)
    angle = phase[:, None] + np.linspace(0, 2 * np.pi, steps) * turns
    grow = np.linspace(0, 1, steps) ** 0.6
    across = _unit(np.cross(np.gradient(path, axis=1), np.array([0.1, 1, 0.2], np.float32)))
    up = _unit(np.cross(across, np.gradient(path, axis=1)))
    return path + amount * grow[:, None] * (np.cos(angle)[..., None] * across + np.sin(angle)[..., None] * up)
