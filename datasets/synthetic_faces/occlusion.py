"""What gets between the camera and a face: hands, hair, caps, masks, cups, microphones, hard shadows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import cv2
import numpy as np

from datasets.synthetic_faces.hand import hand, paint_hand
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
from datasets.synthetic_faces.sampling import choose, triple

OCCLUDED_SHARE = 0.2

_CLOTH = (
    (0.1, 0.1, 0.12),
    (0.15, 0.2, 0.36),
    (0.7, 0.12, 0.13),
    (0.9, 0.9, 0.88),
    (0.3, 0.36, 0.28),
    (0.75, 0.66, 0.5),
)
_MASKS = ((0.62, 0.79, 0.88), (0.93, 0.94, 0.95), (0.09, 0.09, 0.1), (0.55, 0.72, 0.65), (0.85, 0.65, 0.68))


@dataclasses.dataclass(frozen=True)
class Occlusion:
    """One thing before a face. Its `kind` is one of `KINDS`."""

    kind: str
    side: int  # of the image it comes from: -1 left, 1 right
    reach: float  # 0..1: how far over the face it comes
    tilt: float  # radians, about -0.15..0.15
    size: float  # 1 is average
    colour: tuple[float, float, float]  # of cloth, mask, cup; hands and hair have the person's
    seed: int  # of its small irregularities


def sample_occlusion(rng: np.random.Generator) -> Occlusion | None:
    """Mostly None: nothing is before the face; in `OCCLUDED_SHARE` of the pictures one of the `KINDS`."""
    if rng.random() >= OCCLUDED_SHARE:
        return None
    kind = choose(rng, KINDS)
    tones = np.array(_MASKS if kind == "mask" else _CLOTH)
    colour = np.clip(tones[rng.integers(len(tones))] * rng.uniform(0.8, 1.1) + rng.normal(0, 0.03, 3), 0.02, 1)
    return Occlusion(
        kind=kind,
        side=int(rng.choice([-1, 1])),
        reach=float(rng.random()),
        tilt=float(rng.uniform(-0.15, 0.15)),
        size=float(rng.uniform(0.9, 1.1)),
        colour=triple(colour),
        seed=int(rng.integers(2**31)),
    )


def occlude(
    picture: np.ndarray,
    landmarks: np.ndarray,
    skin_colour: np.ndarray,
    hair_colour: np.ndarray | None,
    occlusion: Occlusion | None,
) -> np.ndarray:
    """The picture with something before the face. Most of the face stays visible; the landmarks are where they were.

    Args:
      picture: float32 [H, W, 3] RGB, 0..1.
      landmarks: float32 [5, 2]: eye, eye, nose tip, mouth corner, mouth corner in its pixels; image-left first.
      skin_colour: float [3], the person's, for hands.
      hair_colour: float [3], the person's, for strands; None for somebody bald, whom no strands fall on.
      occlusion: what; None for nothing.

    Returns:
      float32 [H, W, 3], 0..1; a picture of its own.
    """
    covered = picture.copy()
    if occlusion is not None and (occlusion.kind != "strands" or hair_colour is not None):
        frame = face_frame(landmarks)
        light = _light(picture, frame, skin_colour)
        hair = np.zeros(3) if hair_colour is None else np.asarray(hair_colour) * light
        scene = _Scene(covered, frame, np.asarray(skin_colour) * light, hair, light)
        KINDS[occlusion.kind][1](scene, occlusion)
    return np.clip(covered, 0, 1)


@dataclasses.dataclass(frozen=True)
class _Scene:
    """A picture being painted on, and what the painters need to know of it."""

    picture: np.ndarray
    frame: FaceFrame
    skin: np.ndarray  # colours as lit in this picture
    hair: np.ndarray
    light: float


def _light(picture: np.ndarray, frame: FaceFrame, skin_colour: np.ndarray) -> float:
    """How brightly the face is lit: the middle of it against the colour of its skin."""
    points = np.array([[x, y] for x in (-0.7, -0.3, 0.3, 0.7) for y in (0.7, 1.0, 1.3)])
    seen = float(np.median(seen_at(picture, frame, points).mean(axis=-1)))
    return float(np.clip(seen / max(float(np.mean(skin_colour)), 0.05), 0.4, 1.25))


def _hand_at_cheek(scene: _Scene, what: Occlusion) -> None:
    """The head leans on it: fingers up the side of the face."""
    inner = 1.75 - 0.35 * what.reach
    knuckles = np.array([[what.side * (inner + 0.5 * i), 3.1 + 0.05 * i * i] for i in range(4)])
    wrist = _xy(what.side * (inner + 0.7), 5.3)
    towards = -np.pi / 2 + what.tilt + 0.1 * what.side
    paint_hand(
        scene.picture,
        scene.frame,
        hand(knuckles, wrist, towards, 0.07 * what.side, -0.1 * what.side, what.size),
        scene.skin,
    )


def _hand_at_chin(scene: _Scene, what: Occlusion) -> None:
    """Curled fingers across the chin, below the lips."""
    top = 3.3 - 0.15 * what.reach
    knuckles = np.array([[what.side * (1.3 + 0.12 * i), top + 0.5 * i] for i in range(4)])
    wrist = _xy(what.side * 2.6, top + 2.4)
    towards = np.pi / 2 * (1 + what.side) - 0.12 * what.side + what.tilt
    paint_hand(
        scene.picture, scene.frame, hand(knuckles, wrist, towards, 0.0, -0.25 * what.side, what.size), scene.skin
    )


def _hand_at_mouth(scene: _Scene, what: Occlusion) -> None:
    """Two or three fingers before one corner of the mouth."""
    count = 2 + (what.seed % 2)
    knuckles = np.array([[what.side * (0.62 + 0.52 * i), 4.35 + 0.08 * i] for i in range(count)])
    wrist = _xy(what.side * 1.9, 6.3)
    towards = -np.pi / 2 + 0.6 * what.tilt - 0.06 * what.side
    shown = hand(knuckles - _xy(0, 0.35 * what.reach), wrist, towards, 0.06 * what.side, 0.0, what.size)
    paint_hand(scene.picture, scene.frame, shown, scene.skin)


def _hand_at_brow(scene: _Scene, what: Occlusion) -> None:
    """Fingers across the forehead, over one brow."""
    lowest = -0.95 - 0.3 * (1 - what.reach)
    knuckles = np.array([[what.side * (2.35 + 0.08 * i), lowest - 0.53 * (3 - i)] for i in range(4)])
    wrist = _xy(what.side * 3.5, 1.2)
    towards = np.pi / 2 * (1 + what.side) + 0.1 * what.side + what.tilt
    paint_hand(
        scene.picture, scene.frame, hand(knuckles, wrist, towards, 0.02, -0.08 * what.side, what.size), scene.skin
    )


def _strands(scene: _Scene, what: Occlusion) -> None:
    """Hair that falls over the forehead, and over one eye if it reaches far: locks that run together to a tip."""
    rng = np.random.default_rng(what.seed)
    t = np.linspace(0, 1, 16)[:, None]
    root = np.array([what.side * rng.uniform(-0.4, 0.7), -2.75])
    tip = np.array([what.side * rng.uniform(1.0, 1.8), -0.7 + 1.9 * what.reach])
    locks = []
    for _ in range(int(rng.integers(3, 7))):
        start, end = root + rng.normal(0, 0.3, 2), tip + rng.normal(0, [0.3, 0.35])
        bow = np.array([what.side * rng.uniform(0.0, 0.6), -0.2])
        for _ in range(int(rng.integers(6, 16))):
            along = rng.uniform(0.65, 1) * t  # they end one after another, or it would be a brush
            stray = rng.normal(0, 0.12, 2) * (1 - 0.75 * along) + rng.normal(0, 0.05, 2) * np.sin(5 * along)
            locks.append(start + (end - start) * along + bow * 4 * along * (1 - along) + stray)
    frame, shape = scene.frame, scene.picture.shape
    width = 0.022 * frame.unit
    lines = [frame.pixels(lock) for lock in locks]
    _, y = frame.units(*pixel_grid(shape))
    grown = np.clip((y + np.float32(2.8)) * 2, 0, 1)  # out of the hair, not out of the skin
    shadow = stroked(shape, [line + _xy(0, 0.08 * frame.unit) for line in lines], 3 * width, 2 * width)
    shade(scene.picture, shadow * grown, 0.82)
    for number, tone in enumerate((0.7, 0.95, 1.2)):
        paint(scene.picture, stroked(shape, lines[number::3], width) * grown, scene.hair * tone)


def _mask(scene: _Scene, what: Occlusion) -> None:
    """A mask pulled down to the chin, its loops going up to the ears."""
    frame, shape = scene.frame, scene.picture.shape
    top = 2.45 - 0.35 * what.reach
    edge = _arc(2.0, top, -0.4)
    bottom = _arc(1.5, 3.3, -0.75)[::-1]
    outline = np.concatenate([edge, bottom])
    alpha = filled(shape, [frame.pixels(outline)])
    shade(scene.picture, shifted(cv2.GaussianBlur(alpha, (0, 0), 0.1 * frame.unit), -0.08 * frame.down), 0.7)
    loops = [frame.pixels(np.array([[s * 1.95, top], [s * 2.12, top - 0.9], [s * 2.22, 0.3]])) for s in (-1, 1)]
    paint(scene.picture, stroked(shape, loops, 0.05 * frame.unit), np.full(3, 0.85 * scene.light))
    paint(scene.picture, alpha, _rounded(scene, what))
    folds = [_arc(1.9, y, -0.45) for y in np.arange(top + 0.3, 3.5, 0.3)]
    lines = [frame.pixels(fold) for fold in folds]
    shade(scene.picture, alpha * stroked(shape, lines, 0.05 * frame.unit, 0.04 * frame.unit), 0.7)
    hem = stroked(shape, [frame.pixels(edge + _xy(0, 0.07))], 0.06 * frame.unit)
    paint(scene.picture, alpha * hem, np.minimum(np.array(what.colour) * 1.15 * scene.light, 1))


def _cap(scene: _Scene, what: Occlusion) -> None:
    """A baseball cap; its brim throws a shadow on the forehead."""
    frame, shape = scene.frame, scene.picture.shape
    low = -1.75 + 0.45 * what.reach
    dome = np.concatenate([_arc(2.45, low - 0.35, 0.3), _arc(2.45, low - 0.35, 2.75)[::-1]])
    brim = np.concatenate([_arc(2.4, low - 0.35, -0.4), _arc(2.4, low - 0.35, 0.32)[::-1]])
    cloth = _rounded(scene, what)
    brim_alpha = filled(shape, [frame.pixels(brim)])
    shadow = shifted(cv2.GaussianBlur(brim_alpha, (0, 0), 0.12 * frame.unit), 0.35 * frame.down)
    shade(scene.picture, shadow, 0.6)
    paint(scene.picture, filled(shape, [frame.pixels(dome)]), cloth)
    seams = [np.array([[0.0, low - 3.0], [0.0, low - 0.6]]), _seam(low, -1), _seam(low, 1)]
    shade(scene.picture, stroked(shape, [frame.pixels(seam) for seam in seams], 0.05 * frame.unit), 0.75)
    paint(scene.picture, brim_alpha, cloth * np.float32(0.8))
    edge = stroked(shape, [frame.pixels(_arc(2.35, low - 0.35, -0.37))], 0.06 * frame.unit)
    shade(scene.picture, edge, 0.6)


def _seam(low: float, side: int) -> np.ndarray:
    t = np.linspace(0, 1, 12)[:, None]
    return np.concatenate([side * (0.2 + 1.4 * np.sin(t * np.pi / 2)), low - 3.0 + 2.3 * t], axis=1)


def _band(scene: _Scene, what: Occlusion) -> None:
    """A band around the forehead."""
    frame, shape = scene.frame, scene.picture.shape
    low, wide = -1.45 + 0.2 * what.reach, 0.55 * what.size
    outline = np.concatenate([_arc(2.12, low, 0.35), _arc(2.12, low - wide, 0.35)[::-1]])
    alpha = filled(shape, [frame.pixels(outline)])
    shade(scene.picture, shifted(cv2.GaussianBlur(alpha, (0, 0), 0.07 * frame.unit), 0.08 * frame.down), 0.7)
    paint(scene.picture, alpha, _rounded(scene, what))
    lines = [frame.pixels(_arc(2.12, low - wide * part, 0.35)) for part in (0.12, 0.88)]
    shade(scene.picture, stroked(shape, lines, 0.04 * frame.unit), 0.75)


def _microphone(scene: _Scene, what: Occlusion) -> None:
    """A microphone held before the chin, with the hand that holds it."""
    frame, shape = scene.frame, scene.picture.shape
    head = _xy(what.side * (0.35 + 0.5 * (1 - what.reach)), 3.2)
    away = _xy(what.side * 0.35 + what.tilt, 1.0)
    foot = head + 3.5 * away
    wide = np.array([0.3, 0.0])
    shaft = filled(shape, [frame.pixels(np.array([head - wide, head + wide, foot + 0.7 * wide, foot - 0.7 * wide]))])
    ball = filled(shape, [frame.pixels(head + 0.52 * what.size * _circle())])
    shade(scene.picture, cv2.GaussianBlur(np.maximum(ball, shaft), (0, 0), 0.2 * frame.unit), 0.65)
    x, y = frame.units(*pixel_grid(shape))
    fall = np.float32(0.75) - np.float32(0.9) * (x - np.float32(head[0])) * what.side
    paint(scene.picture, shaft, np.clip(fall, 0.2, 1)[..., None] * np.float32(0.22 * scene.light) * np.ones(3))
    mesh = 0.8 + 0.2 * np.sin(22 * (x + y)) * np.sin(22 * (x - y))
    bulge = 1.1 - 0.9 * np.hypot(x - np.float32(head[0] - 0.15), y - np.float32(head[1] - 0.2))
    metal = np.clip(mesh * bulge, 0.1, 1.2)[..., None] * np.float32(0.5 * scene.light)
    paint(scene.picture, ball, metal * np.ones(3, np.float32))
    _hold(scene, what, head + 1.5 * away)


def _cup(scene: _Scene, what: Occlusion) -> None:
    """A cup lifted to below the mouth, with the hand that holds it."""
    frame, shape = scene.frame, scene.picture.shape
    top, half = 2.85 - 0.2 * what.reach, 0.95 * what.size
    centre = what.side * 0.25
    rim = _circle() * _xy(half, 0.16) + _xy(centre, top)
    lip, foot = _arc(half, 0.0, -0.16) + _xy(centre, top), _arc(0.78 * half, 2.3, -0.14) + _xy(centre, top)
    body = np.concatenate([lip, foot[::-1]])
    alpha = filled(shape, [frame.pixels(body)])
    shade(scene.picture, cv2.GaussianBlur(alpha, (0, 0), 0.2 * frame.unit), 0.65)
    x, _ = frame.units(*pixel_grid(shape))
    round_ = np.sqrt(np.clip(1 - ((x - np.float32(centre)) / np.float32(half)) ** 2, 0, 1))
    clay = (np.float32(0.45) + np.float32(0.6) * round_)[..., None] * np.float32(scene.light)
    paint(scene.picture, alpha, np.minimum(clay * np.array(what.colour, np.float32), 1))
    paint(scene.picture, filled(shape, [frame.pixels(rim)]), 0.5 * scene.light * np.array(what.colour))
    edge = stroked(shape, [frame.pixels(lip)], 0.05 * frame.unit)
    paint(scene.picture, edge, np.minimum(1.2 * scene.light * np.array(what.colour) + 0.08, 1))
    _hold(scene, what, np.array([centre + what.side * 0.3, top + 0.75]))


def _hold(scene: _Scene, what: Occlusion, grip: np.ndarray) -> None:
    """Fingers around what is held at `grip`."""
    knuckles = np.array([[grip[0] + what.side * 1.0, grip[1] + 0.5 * i] for i in range(4)])
    wrist = np.array([grip[0] + what.side * 2.2, grip[1] + 2.2])
    towards = np.pi / 2 * (1 + what.side) + what.tilt
    shown = hand(knuckles, wrist, towards, 0.0, -0.2 * what.side, 0.85 * what.size)
    paint_hand(scene.picture, scene.frame, shown, scene.skin)


def _hard_shadow(scene: _Scene, what: Occlusion) -> None:
    """The sharp edge of the light: one side of the face, or a bar across it, lies in the shadow of something."""
    rng = np.random.default_rng(what.seed)
    x, y = scene.frame.units(*pixel_grid(scene.picture.shape))
    angle = rng.uniform(-0.9, 0.9) + (np.pi if what.side < 0 else 0)
    across = np.float32(np.cos(angle)) * x + np.float32(np.sin(angle)) * (y - 1)
    soft, start = np.float32(rng.uniform(0.03, 0.2)), np.float32(1.3 - 1.5 * what.reach)
    dark = 1 / (1 + np.exp(-np.clip((across - start) / soft, -30, 30)))
    if rng.random() < 0.4:
        end = start + np.float32(rng.uniform(0.6, 1.6))
        dark = dark / (1 + np.exp(np.clip((across - end) / soft, -30, 30)))
    depth = np.float32(rng.uniform(0.3, 0.6))
    picture = scene.picture
    picture *= 1 - (depth * dark)[..., None] * np.array([1.0, 0.97, 0.9], np.float32)  # lit by the sky alone


# Kind → how often among occlusions, and who paints it.
KINDS: dict[str, tuple[float, Callable[[_Scene, Occlusion], None]]] = {
    "hand at cheek": (0.14, _hand_at_cheek),
    "hand at chin": (0.14, _hand_at_chin),
    "hand at mouth": (0.07, _hand_at_mouth),
    "hand at brow": (0.07, _hand_at_brow),
    "strands": (0.18, _strands),
    "mask": (0.08, _mask),
    "cap": (0.08, _cap),
    "band": (0.05, _band),
    "microphone": (0.04, _microphone),
    "cup": (0.05, _cup),
    "hard shadow": (0.1, _hard_shadow),
}


def _xy(x: float, y: float) -> np.ndarray:
    return np.array([x, y], np.float64)


def _arc(half: float, y: float, rise: float) -> np.ndarray:
    """From (-half, y) to (half, y), its middle higher by `rise` (lower if negative), face units [n, 2]."""
    t = np.linspace(-1, 1, 25)
    return np.stack([half * np.sin(t * np.pi / 2), y - rise * np.cos(t * np.pi / 2)], axis=1)


def _circle() -> np.ndarray:
    t = np.linspace(0, 2 * np.pi, 41)
    return np.stack([np.cos(t), np.sin(t)], axis=1)


def _rounded(scene: _Scene, what: Occlusion) -> np.ndarray:
    """The colour of cloth around a head: darker where it turns away, float32 [H, W, 3]."""
    x, _ = scene.frame.units(*pixel_grid(scene.picture.shape))
    lit = np.float32(1.05) - np.float32(0.1) * np.square(x - np.float32(0.3 * what.side))
    return np.clip(lit, 0.45, 1.1)[..., None] * np.float32(scene.light) * np.array(what.colour, np.float32)
