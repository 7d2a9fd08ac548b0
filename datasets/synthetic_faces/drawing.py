"""Draws one picture of one person: from numbers to pixels."""

from __future__ import annotations

import functools
from typing import NamedTuple

import cv2
import numpy as np

from datasets.synthetic_faces import features, hair
from datasets.synthetic_faces.action_units import Activations
from datasets.synthetic_faces.canvas import (
    SIZE,
    UNIT,
    add_bump,
    grid,
    noise,
    paint,
    polygon,
    shade,
    spline,
    strokes,
    xy,
)
from datasets.synthetic_faces.expressions import Performance
from datasets.synthetic_faces.outlines import SIDES, Geometry, face_geometry, half_width
from datasets.synthetic_faces.person import Person
from datasets.synthetic_faces.scene import IMAGE_SIZE, Scene, project, sample_scene, turn
from datasets.synthetic_faces.subject import Subject, sample_subject
from datasets.synthetic_faces.surface import creases, lighting, relief
from ifgan_tf.labels import EXPRESSIONS


class Drawing(NamedTuple):
    """A head before its background.

    Attributes:
      picture: float32 [320, 320, 3] RGB, 0..1.
      landmarks: true eyes, nose tip, mouth corners, in pixels, float32 [5, 2].
      face_size: from brow to chin, pixels.
      skin: colour, RGB, 0..1.
      hair: colour, RGB, 0..1.
    """

    picture: np.ndarray
    landmarks: np.ndarray
    face_size: float
    skin: np.ndarray
    hair: np.ndarray


def render(
    person: Person, performance: Performance, background: np.ndarray, seed: int, rng: np.random.Generator
) -> Drawing:
    """Paints a person who does this.

    Args:
      person: who.
      performance: what head and face do.
      background: float32 [SIZE, SIZE, 3] RGB, 0..1; it is painted over.
      seed: of the whole data set: the person's own skin and hair grow from it, the same in every picture.
      rng: the picture's own stream, for the light.
    """
    activations = person.rest.plus(performance.activations)
    subject, scene = sample_subject(seed, person), sample_scene(performance, rng)
    return paint_head(subject, activations, scene, background, seed)


def paint_head(subject: Subject, activations: Activations, scene: Scene, picture: np.ndarray, seed: int) -> Drawing:
    """Paints a head with these action units in this scene over `picture`."""
    own = np.random.default_rng([seed, subject.index, len(EXPRESSIONS) + 2])
    looks = _looks(subject, seed)
    geometry = face_geometry(subject, activations)
    z = relief(subject, geometry, activations)
    folds = creases(subject, geometry, activations)
    brightness, highlight = lighting(z, folds, np.array(scene.light), scene.ambient, subject.shine)
    light = float(np.clip(scene.ambient + 0.55, 0.75, 1.0))

    hair.paint_behind(picture, subject, looks.hair)
    _paint_body(picture, subject, scene, geometry)
    skin = _skin(subject, geometry, looks.skin)
    # Light that has travelled through skin comes out redder: the shadows keep more red than blue.
    shadow = 1 - brightness
    lit = skin * np.stack([brightness * (1 + np.float32(k) * shadow) for k in (0.08, -0.05, -0.1)], axis=-1)
    lit += highlight[..., None]
    _paint_ears(picture, subject, lit, light)
    head = polygon(head_outline(subject, geometry.chin), 0.02)
    paint(picture, head, lit)
    for i, side in enumerate(SIDES):
        features.paint_eye(picture, subject, geometry.eyes[i], side, np.array(scene.gaze), light)
    features.paint_nostrils(picture, subject, geometry, activations)
    _paint_beard(picture, subject, geometry, brightness, looks.beard)
    features.paint_mouth(picture, subject, geometry.mouth, activations, brightness, light)
    for i, side in enumerate(SIDES):
        features.paint_brow(picture, subject, geometry.brows[i], side, own)
    hair.paint_front(picture, subject, looks.hair * np.float32(light), own)
    depth = cv2.GaussianBlur(z, (0, 0), 3.0)
    brow = float(np.mean([brow[:, 1].mean() for brow in geometry.brows]))
    return Drawing(
        turn(picture, depth, scene),
        project(geometry.landmarks, depth, scene),
        (geometry.chin - brow) * UNIT * scene.zoom * IMAGE_SIZE / SIZE,
        np.array(subject.skin, np.float32),
        np.array(subject.hair_colour, np.float32),
    )


def head_outline(subject: Subject, chin: float) -> np.ndarray:
    """The head's closed outline, face units [n, 2]."""
    t = np.linspace(0, np.pi, 60)
    y = (subject.skull_top + chin) / 2 - (chin - subject.skull_top) / 2 * np.cos(t)
    half = half_width(subject, chin, y)
    return np.concatenate([np.stack([half, y], 1), np.stack([-half, y], 1)[::-1]])


class _Looks(NamedTuple):
    """What is the same in all of a person's pictures: colours [SIZE, SIZE, 3] and grain [SIZE, SIZE], float32."""

    hair: np.ndarray
    skin: np.ndarray
    beard: np.ndarray


@functools.lru_cache(maxsize=2)
def _looks(subject: Subject, seed: int) -> _Looks:
    rng = np.random.default_rng([seed, subject.index, len(EXPRESSIONS) + 3])
    strands = hair.texture(subject, rng)
    mottle = np.float32(0.014 * subject.mottling) * (noise(rng, 14) + noise(rng, 40) + 0.8 * noise(rng, 160))
    skin = (1 + mottle)[..., None] * np.array(subject.skin, np.float32)
    if subject.freckles:
        n = int(30 + 130 * subject.freckles)
        spots = np.stack([rng.normal(0, 1.0, n), rng.normal(0.75, 0.5, n)], 1)
        shade(skin, strokes([np.stack([p, p + xy(0.012, 0.0)]) for p in spots], 0.035, 0.012), (0.84, 0.74, 0.66))
    grain = np.float32(0.8) + 0.25 * noise(rng, 150) + 0.15 * noise(rng, 60)
    return _Looks(strands, skin, grain)


def _paint_body(picture: np.ndarray, subject: Subject, scene: Scene, geometry: Geometry) -> None:
    x, _ = grid()
    w = subject.neck_width
    side_light = 1 - 0.12 * (x[None, :] / w) ** 2 + 0.25 * scene.light[0] * x[None, :] / w
    skin = np.clip(side_light, 0.3, 1.2)[..., None] * np.array(subject.skin, np.float32) * 0.86
    skin = np.broadcast_to(skin, (SIZE, SIZE, 3))
    neck = np.array(
        [[-w, 1.5], [-w, 3.6], [-w - 0.5, 4.3], [-2.6, 4.9], [2.6, 4.9], [w + 0.5, 4.3], [w, 3.6], [w, 1.5]]
    )
    paint(picture, polygon(neck, 0.03), skin)
    jaw = head_outline(subject, geometry.chin) * [0.92, 1] + xy(0, 0.28)
    paint(picture, polygon(jaw[jaw[:, 1] > 1.2], 0.2), np.array(subject.skin) * [0.5, 0.42, 0.4], 0.8)
    collar = np.array(
        [
            [-5, 6],
            [-5, 4.6],
            [-3.4, 4.25],
            [-w - 0.35, 3.95],
            [-0.6, 4.55],
            [0.6, 4.55],
            [w + 0.35, 3.95],
            [3.4, 4.25],
            [5, 4.6],
            [5, 6],
        ]
    )
    shirt = polygon(spline(collar), 0.02)
    paint(picture, shirt, subject.clothes)
    shade(picture, strokes([spline(collar[3:7])], 0.1, 0.05), 0.75)


def _paint_ears(picture: np.ndarray, subject: Subject, lit: np.ndarray, light: float) -> None:
    for side in SIDES:
        t = np.linspace(0, 2 * np.pi, 33)[:-1]
        centre = np.array([side * (subject.head_width - 0.02), 0.55])
        shape = np.stack([0.26 * np.cos(t), subject.ear_size * np.sin(t)], 1)
        shape[:, 0] += side * 0.1 * -np.sin(t)
        paint(picture, polygon(shape + centre, 0.02), np.array(subject.skin) * [0.86, 0.76, 0.73] * light)
        shade(picture, polygon(shape * [0.45, 0.62] + centre + xy(side * 0.04, 0), 0.06), (0.75, 0.65, 0.62))


def _skin(subject: Subject, geometry: Geometry, bare: np.ndarray) -> np.ndarray:
    """Colour of the skin before light, float32 [SIZE, SIZE, 3]: the `bare` one with blood where cheeks and nose are."""
    blood = np.zeros((SIZE, SIZE), np.float32)
    for x, y in geometry.cheeks:
        add_bump(blood, (x, y - 0.05), (0.55, 0.4), 0.16 * subject.ruddiness)
    add_bump(blood, (0.0, float(geometry.nose_tip[1])), (0.32, 0.25), 0.14 * subject.ruddiness)
    add_bump(blood, (0.0, geometry.chin - 0.4), (0.45, 0.25), 0.07 * subject.ruddiness)
    return bare * np.stack([np.ones_like(blood), 1 - blood, 1 - np.float32(0.9) * blood], axis=-1)


def _paint_beard(
    picture: np.ndarray, subject: Subject, geometry: Geometry, brightness: np.ndarray, grain: np.ndarray
) -> None:
    if not (subject.stubble or subject.beard or subject.moustache):
        return
    mouth = geometry.mouth
    lips = np.concatenate([mouth.upper_outer, mouth.lower_outer[::-1]])
    colour = np.clip(grain * brightness, 0.1, 1.6)[..., None] * np.array(subject.brow_colour, np.float32)
    if subject.stubble or subject.beard:
        mask = hair.beard_mask(subject, geometry.chin, lips)
        paint(picture, mask, colour, max(0.42 * subject.stubble, subject.beard))
    if subject.moustache:
        top = mouth.upper_outer[4:-4]
        base = np.stack([top[:, 0] * 1.08, top[:, 1] + 0.03], 1)
        peak = np.stack([top[:, 0], top[:, 1] - 0.3 * (1 - (top[:, 0] / 0.95) ** 2).clip(0.1)], 1)
        paint(picture, polygon(np.concatenate([peak, base[::-1]]), 0.04), colour, subject.moustache)
