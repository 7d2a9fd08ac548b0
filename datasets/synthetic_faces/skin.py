"""A person's skin, painted on the template: it moves with the face. Wrinkles come with age and with action units."""

from __future__ import annotations

import functools
from typing import NamedTuple

import cv2
import numpy as np

from datasets.synthetic_faces.action_units import Activations
from datasets.synthetic_faces.head import head_model
from datasets.synthetic_faces.looks import Looks
from datasets.synthetic_faces.template import FACE, SIZE, coordinates, on_face, spread

# Lines seen from the front, for the image's right half: (x, y) in dm on the average head; the other half mirrors them.
_FOREHEAD = [
    [(0.0, 7.66), (0.12, 7.665), (0.26, 7.7), (0.4, 7.69)],
    [(0.0, 7.75), (0.15, 7.755), (0.3, 7.79), (0.42, 7.77)],
    [(0.0, 7.84), (0.15, 7.85), (0.3, 7.87)],
]
_LINES: dict[str, list[list[tuple[float, float]]]] = {
    "forehead_inner": [[(x, y - 0.05 * (x / 0.4) ** 2) for x, y in line if x < 0.3] for line in _FOREHEAD],
    "forehead_outer": [[(x, y) for x, y in line if x > 0.1] for line in _FOREHEAD],
    "frown": [[(0.075, 7.38), (0.068, 7.47), (0.08, 7.57)], [(0.03, 7.4), (0.028, 7.46)]],
    "nose_root": [
        [(0.0, 7.27), (0.06, 7.265)],
        [(0.0, 7.21), (0.07, 7.2)],
        [(0.09, 7.2), (0.13, 7.1)],
        [(0.07, 7.12), (0.12, 7.04)],
    ],
    "nasolabial": [[(0.185, 6.94), (0.24, 6.87), (0.285, 6.78), (0.325, 6.68), (0.33, 6.6)]],
    "crow": [[(0.47, 7.3), (0.56, 7.35)], [(0.475, 7.27), (0.58, 7.27)], [(0.47, 7.24), (0.57, 7.19)]],
    "under_eye": [[(0.2, 7.21), (0.29, 7.155), (0.39, 7.16), (0.45, 7.2)], [(0.19, 7.17), (0.27, 7.1), (0.37, 7.09)]],
    "marionette": [[(0.275, 6.6), (0.31, 6.54), (0.315, 6.45)]],
    "dimple": [[(0.315, 6.69), (0.335, 6.62), (0.32, 6.55)]],
    "smile": [[(0.4, 6.82), (0.425, 6.7), (0.41, 6.58)]],
    "chin": [[(0.0, 6.455), (0.1, 6.45), (0.17, 6.41)]],
    "lip": [
        [(0.04, 6.78), (0.035, 6.73)],
        [(0.1, 6.77), (0.11, 6.72)],
        [(0.16, 6.74), (0.18, 6.7)],
        [(0.08, 6.5), (0.09, 6.46)],
    ],
}
# Width (dm), depth (dm) at full strength, and the share of it that age alone brings.
_GROOVES: dict[str, tuple[float, float, float]] = {
    "forehead_inner": (0.016, 0.009, 0.22),
    "forehead_outer": (0.016, 0.009, 0.18),
    "frown": (0.016, 0.013, 0.2),
    "nose_root": (0.013, 0.009, 0.03),
    "nasolabial": (0.024, 0.017, 0.4),
    "crow": (0.011, 0.008, 0.3),
    "under_eye": (0.016, 0.009, 0.4),
    "marionette": (0.018, 0.012, 0.35),
    "dimple": (0.02, 0.011, 0.05),
    "smile": (0.03, 0.009, 0.05),
    "chin": (0.026, 0.012, 0.12),
    "lip": (0.01, 0.005, 0.25),
}
# What deepens a line: action units and how much.
_DEEPENED_BY: dict[str, dict[int, float]] = {
    "forehead_inner": {1: 1.0},
    "forehead_outer": {2: 1.0, 1: 0.3},
    "frown": {4: 1.0, 9: 0.3},
    "nose_root": {9: 1.1, 4: 0.2},
    "nasolabial": {9: 0.7, 10: 0.9, 12: 0.8, 6: 0.2, 14: 0.2},
    "crow": {6: 1.0, 12: 0.3, 7: 0.2},
    "under_eye": {6: 0.8, 7: 0.5, 12: 0.2},
    "marionette": {15: 1.0, 17: 0.2},
    "dimple": {14: 1.0, 12: 0.3, 20: 0.4},
    "smile": {12: 0.8, 6: 0.1},
    "chin": {17: 0.9, 15: 0.2},
    "lip": {24: 0.9, 23: 0.8, 18: 0.9},
}


class Skin(NamedTuple):
    """A person's skin on the template's map.

    Attributes:
      paint: float32 [SIZE, SIZE, 5]: the share of light that comes back, how oily or wet, and the height (dm) of pores
        and of what age has carved.
      grooves: float32 [lines, F, F], what each kind of line adds at full strength within `FACE`, dm.
      pebbles: float32 [F, F], what a raised chin adds.
    """

    paint: np.ndarray
    grooves: np.ndarray
    pebbles: np.ndarray


def noise(rng: np.random.Generator, size: int, cells: float) -> np.ndarray:
    """Smooth noise of unit deviation with about `cells` bumps across, float32 [size, size]."""
    coarse = rng.normal(size=(max(int(cells), 2),) * 2).astype(np.float32)
    fine = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)
    return fine / max(float(fine.std()), 1e-6)


@functools.lru_cache(maxsize=1)
def places() -> dict[str, np.ndarray]:
    """Maps float32 [SIZE, SIZE] that all skins share: lips, eyelids, ears, and the average head's x, y, z."""
    model = head_model()
    position = spread(model.template)
    maps = {name: spread(model.masks[name]).astype(np.float32) for name in ("lips", "eyelids", "ears")}
    maps["lips"] = np.clip((cv2.GaussianBlur(maps["lips"], (0, 0), 0.8) - 0.4) / 0.35, 0, 1)
    maps |= {axis: position[..., i].astype(np.float32) for i, axis in enumerate("xyz")}
    return maps


def _spot(x: float, y: float, width: float, height: float) -> np.ndarray:
    """A soft spot on both halves of the face, float32 [SIZE, SIZE] of 0..1."""
    maps = places()
    spot = np.exp(-np.square((np.abs(maps["x"]) - x) / width) - np.square((maps["y"] - y) / height))
    return np.where(maps["z"] > 0.2, spot, 0).astype(np.float32)


@functools.lru_cache(maxsize=32)
def _bump(x: float, y: float, width: float, height: float) -> np.ndarray:
    """A `_spot` where everybody has it: kept, not to be changed."""
    return _spot(x, y, width, height)


def _draw_lines(
    lines: list[list[tuple[float, float]]], width: float, rng: np.random.Generator, tremble: float
) -> np.ndarray:
    """Grooves along lines and their mirror images, float32 [F, F] within `FACE`: a valley with a soft rim."""
    sheet = np.zeros((FACE.stop - FACE.start,) * 2, np.float32)
    for line in lines:
        for side in (-1.0, 1.0):
            points = np.array(line) + rng.normal(0, tremble, (len(line), 2))
            points[:, 1] += rng.normal(0, tremble)
            t = np.linspace(0, len(points) - 1, 24)
            path = np.column_stack([np.interp(t, np.arange(len(points)), points[:, i]) for i in (0, 1)])
            path = cv2.GaussianBlur(path, (1, 9), 2.0, borderType=cv2.BORDER_REPLICATE)
            path[:, 1] += 0.004 * np.cumsum(rng.normal(0, 0.35, len(path)))
            path[:, 0] *= side
            place = coordinates(on_face(path)) - FACE.start
            strength = rng.uniform(0.6, 1.0) * np.sin(np.pi * np.linspace(0.08, 0.96, len(path))) ** 0.6
            strength *= 1 + 0.25 * np.interp(np.arange(len(path)), np.arange(0, 24, 4), rng.normal(size=6))
            for a, b, s in zip(place[:-1], place[1:], strength, strict=False):
                start, end = np.round(np.stack([a, b]) * 8).astype(int).tolist()
                cv2.line(sheet, start, end, float(s), 1, cv2.LINE_8, 3)
    pixels = width * 150 / 1.3
    narrow = cv2.GaussianBlur(sheet, (0, 0), pixels * 0.55)
    wide = cv2.GaussianBlur(sheet, (0, 0), pixels * 1.5)
    profile = narrow * pixels * 1.5 - 0.75 * wide * pixels * 1.5
    return -profile.clip(-0.5, 1.2)


class _Grain(NamedTuple):
    """Noise that pigments and relief share, float32 [SIZE, SIZE] each: blotches, smaller ones, pores, single pixels."""

    coarse: np.ndarray
    medium: np.ndarray
    fine: np.ndarray
    finest: np.ndarray


def paint_skin(looks: Looks, rng: np.random.Generator) -> Skin:
    """Paints a person's skin.

    Args:
      looks: the person's colours.
      rng: the person's own stream.
    """
    coarse, medium, fine = noise(rng, SIZE, 22), noise(rng, SIZE, 70), noise(rng, SIZE, 240)
    grain = _Grain(coarse, medium, fine, rng.normal(size=(SIZE, SIZE)).astype(np.float32))
    density = _density(looks, grain, _melanin(looks, grain, rng))
    stripes = noise(rng, SIZE, 130)
    albedo = _with_lips(np.array(looks.skin, np.float32) * np.exp(-density), looks, grain, stripes)
    height = _relief(looks, grain, stripes, rng)
    grooves = []
    for name, lines in _LINES.items():
        width, depth, by_age = _GROOVES[name]
        groove = _draw_lines(lines, width, rng, 0.010) * np.float32(depth * rng.uniform(0.7, 1.2))
        height[FACE, FACE] += groove * np.float32(by_age * looks.lines**1.5 * rng.uniform(0.6, 1.2))
        grooves.append(groove)
    pebbles = (0.004 * (noise(rng, SIZE, 75) + 0.6 * medium) * _bump(0, 6.37, 0.16, 0.1))[FACE, FACE].astype(np.float32)
    return Skin(np.dstack([albedo, _gloss(looks, grain), height]).astype(np.float32), np.stack(grooves), pebbles)


def _melanin(looks: Looks, grain: _Grain, rng: np.random.Generator) -> np.ndarray:
    """How much brown there is, [SIZE, SIZE]: around the eyes, at the lashes, in spots, freckles and moles."""
    maps = places()
    lids = 0.5 * maps["eyelids"] + 0.45 * (0.5 + 0.5 * looks.lines) * _bump(0.29, 7.13, 0.13, 0.06)
    lids += 0.4 * _bump(0.18, 7.26, 0.05, 0.07)
    melanin = (
        0.065
        * looks.mottling
        * (0.6 * grain.coarse[::-1] + 0.7 * grain.medium[::-1] + 0.6 * grain.fine + 0.25 * grain.finest)
        + 0.35 * lids
    )
    # Lashes grow so thickly that the lid's edge is a dark line.
    melanin += 1.6 * looks.lashes * np.clip(2.2 * maps["eyelids"] - 1.2, 0, 1)
    melanin += 0.18 * _bump(0.0, 6.8, 0.35, 0.1) * looks.tone
    if looks.lines > 0.5:
        spots = noise(rng, SIZE, 45)
        melanin += 0.25 * (looks.lines - 0.5) * np.clip(spots - 1.6, 0, 1)
    if looks.freckles:
        spots = cv2.GaussianBlur(
            np.where(rng.random((SIZE, SIZE)) < 0.02 * looks.freckles, 6.0, 0.0).astype(np.float32), (0, 0), 0.9
        )
        melanin += 0.5 * spots.clip(0, 1) * (_bump(0.25, 7.02, 0.35, 0.22) + 0.3 * _bump(0, 7.7, 0.5, 0.3))
    for x, y in rng.uniform([-0.6, 6.2], [0.6, 7.9], (int(rng.integers(0, 5)), 2)):
        centre = coordinates(on_face(np.array([[x, y]])))[0]
        cv2.circle(
            melanin, tuple(np.round(centre * 8).astype(int).tolist()), int(rng.uniform(6, 14)), 0.8, -1, cv2.LINE_AA, 3
        )
    return melanin


def _density(looks: Looks, grain: _Grain, melanin: np.ndarray) -> np.ndarray:
    """What skin absorbs of each colour, [SIZE, SIZE, 3]: an optical density for each pigment, and these add up."""
    maps = places()
    blood = (
        0.5
        * looks.redness
        * (
            0.8 * _bump(0.4, 6.98, 0.22, 0.18)
            + 0.8 * _bump(0, 6.95, 0.13, 0.12)
            + 0.5 * _bump(0, 6.3, 0.2, 0.13)
            + 0.6 * maps["ears"]
            + 0.25 * _bump(0, 7.75, 0.4, 0.2)
        )
    )
    blood += 0.16 * looks.mottling * (0.8 * grain.coarse + 0.9 * grain.medium)
    brow = looks.brow_density * np.where(
        maps["y"] > 7.38, _spot(0.3, 7.475 + 0.5 * looks.brow_arch, 0.17, 0.8 * looks.brow_thickness), 0
    )
    shaved = 0.6 * np.clip(2 * brow - 0.5, 0, 1) + (looks.stubble + 0.5 * looks.beard) * beard_area(
        maps["x"], maps["y"], maps["z"]
    )
    return (
        blood[..., None] * np.array([0.06, 0.5, 0.42], np.float32)
        + melanin[..., None] * np.array([0.35, 0.6, 0.75], np.float32)
        + shaved[..., None] * np.array([0.5, 0.42, 0.35], np.float32) * (0.8 + 0.35 * grain.finest[..., None])
    )


def _with_lips(albedo: np.ndarray, looks: Looks, grain: _Grain, stripes: np.ndarray) -> np.ndarray:
    """Skin [SIZE, SIZE, 3] with the red of the lips in upright `stripes` [SIZE, SIZE]."""
    lips = (
        np.array(looks.lips, np.float32)
        * (1 + 0.09 * cv2.GaussianBlur(stripes, (1, 9), 2.5) + 0.03 * grain.medium)[..., None]
    )
    share = places()["lips"][..., None] * np.float32(0.85)
    return albedo * (1 - share) + lips * share


def _gloss(looks: Looks, grain: _Grain) -> np.ndarray:
    """How oily or wet skin is, [SIZE, SIZE]."""
    gloss = 0.16 + 0.25 * looks.oil * (
        _bump(0, 7.0, 0.13, 0.25)
        + 0.7 * _bump(0, 7.75, 0.45, 0.2)
        + 0.5 * _bump(0.4, 7.02, 0.2, 0.15)
        + 0.4 * _bump(0, 6.32, 0.15, 0.1)
    )
    return gloss * (1 + 0.12 * grain.fine) + 0.5 * places()["lips"]


def _relief(looks: Looks, grain: _Grain, stripes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The height of pores, of uneven skin and of the lips' `stripes`, dm, [SIZE, SIZE]."""
    maps = places()
    face = (maps["z"] > 0.3).astype(np.float32)
    height = 0.0004 * grain.fine + 0.0003 * grain.finest + 0.0008 * noise(rng, SIZE, 110)
    height *= 0.6 + 0.6 * looks.lines
    height = height * face + 0.003 * maps["lips"] * cv2.GaussianBlur(stripes, (1, 7), 2.0)
    if looks.lines > 0.35:
        height += 0.004 * (looks.lines - 0.35) * noise(rng, SIZE, 60) * face
    return height


def beard_area(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """How much of a beard grows at points of the average head, 0..1, of the shape of `x`."""
    across = np.abs(x)
    cheek = np.clip((6.64 - y + 0.5 * np.maximum(across - 0.3, 0)) / 0.14, 0, 1) * np.clip((y - 6.12) / 0.12, 0, 1)
    sides = np.clip((z - 0.35) / 0.25, 0, 1)
    philtrum = np.exp(-np.square((y - 6.77) / 0.06)) * np.clip((0.33 - across) / 0.06, 0, 1)
    below_nose = np.clip((6.85 - y + 0.5 * np.maximum(across - 0.25, 0)) / 0.04, 0, 1)
    return (np.maximum(cheek, philtrum) * sides * below_nose).astype(np.float32)


def wrinkle(skin: Skin, looks: Looks, activations: Activations) -> np.ndarray:
    """The paint within `FACE` when the face does something, float32 [F, F, 5]."""
    paint = skin.paint[FACE, FACE].copy()
    height = paint[..., 4]
    right = np.clip(np.linspace(-3, 3, skin.pebbles.shape[1]) + 0.5, 0, 1).astype(np.float32)
    gain = 0.75 + 0.6 * looks.lines

    def sides(units: dict[int, float]) -> np.ndarray:
        left_right = sum(
            (np.asarray(activations[u], float) * g for u, g in units.items() if u in activations), np.zeros(2)
        )
        return (left_right[0] * (1 - right) + left_right[1] * right).astype(np.float32)

    for groove, units in zip(skin.grooves, _DEEPENED_BY.values(), strict=True):
        strength = sides(units)
        if strength.any():
            height += groove * np.float32(gain) * strength
    height += skin.pebbles * sides({17: 1.0, 15: 0.15})
    # Grooves are darker than relief alone makes them: little light finds its way in.
    hollow = np.clip(1 + 28 * np.minimum(cv2.GaussianBlur(height, (0, 0), 1.0), 0), 0.55, 1)
    paint[..., 0] *= hollow
    paint[..., 1:3] *= (hollow * np.sqrt(hollow))[..., None]
    return paint
