"""Eyes, brows, nostrils and mouth, painted on the shaded head in place."""

from __future__ import annotations

import numpy as np

from datasets.synthetic_faces.action_units import Activations
from datasets.synthetic_faces.canvas import Mask, paint, polygon, shade, strokes, within, xy
from datasets.synthetic_faces.outlines import SIDES, Eye, Geometry, Mouth
from datasets.synthetic_faces.subject import Subject


def _ellipse(centre: np.ndarray, rx: float, ry: float) -> np.ndarray:
    t = np.linspace(0, 2 * np.pi, 33)[:-1]
    return np.asarray(centre) + np.stack([rx * np.cos(t), ry * np.sin(t)], axis=1)


def paint_eye(picture: np.ndarray, subject: Subject, eye: Eye, side: int, gaze: np.ndarray, light: float) -> None:
    """One eye. `gaze` is the iris' offset in face units, `light` the brightness of the scene."""
    outline = np.concatenate([eye.upper, eye.lower[::-1]])
    socket = polygon(_ellipse(eye.centre + xy(0, -0.08), 0.62, 0.36), 0.1)
    shade(picture, socket, (0.9, 0.85, 0.84))
    lid = polygon(np.concatenate([eye.fold, eye.upper[::-1]]), 0.03)
    shade(picture, lid, (1.06, 1.02, 1.0))
    opening = polygon(outline, 0.012)
    white = np.array([0.90, 0.87, 0.84]) * light
    paint(picture, opening, white)
    for corner in (0, -1):
        shade(picture, within(polygon(_ellipse(eye.upper[corner], 0.16, 0.16), 0.05), opening), (0.86, 0.72, 0.7))
    iris_centre = eye.centre + xy(0, -0.03) + gaze
    r = subject.iris_radius
    iris = np.array(subject.iris)
    paint(picture, within(polygon(_ellipse(iris_centre, r, r), 0.012), opening), iris * 0.5 * light)
    paint(picture, within(polygon(_ellipse(iris_centre, r * 0.84, r * 0.84), 0.02), opening), iris * light)
    glow = polygon(_ellipse(iris_centre + xy(0, r * 0.35), r * 0.5, r * 0.35), 0.04)
    paint(picture, within(glow, opening), np.clip(iris * 1.6, 0, 1) * light, 0.6)
    paint(picture, within(polygon(_ellipse(iris_centre, r * 0.43, r * 0.43), 0.012), opening), (0.03, 0.03, 0.03))
    paint(picture, within(polygon(_ellipse(iris_centre + xy(-0.06, -0.07), 0.04, 0.04), 0.01), opening), (1, 1, 1), 0.9)
    # The upper lid throws a shadow on the ball.
    shade(picture, within(strokes([eye.upper + xy(0, 0.03)], 0.08, 0.03), opening), 0.55)
    lash = np.array([0.1, 0.07, 0.06])
    thickness = 0.035 + 0.035 * subject.lashes
    upper = eye.upper + xy(0, -0.01)
    paint(picture, strokes([upper], thickness, 0.012), lash, 0.55 + 0.4 * subject.lashes)
    wing = np.stack([eye.upper[-1 if side > 0 else 0], eye.upper[-1 if side > 0 else 0] + xy(side * 0.07, -0.04)])
    paint(picture, strokes([wing], thickness * 0.7, 0.012), lash, 0.7 * subject.lashes)
    paint(picture, strokes([eye.lower[3:-3]], 0.02, 0.012), np.array([0.3, 0.17, 0.14]), 0.6)
    shade(picture, strokes([eye.fold[2:-2]], 0.035, 0.02), (0.62, 0.54, 0.52))


def paint_brow(picture: np.ndarray, subject: Subject, brow: np.ndarray, side: int, rng: np.random.Generator) -> None:
    """One brow: a soft body and single hairs over it."""
    t = np.linspace(0, 1, len(brow))
    thickness = subject.brow_thickness * np.interp(t, [0, 0.12, 0.5, 1], [0.65, 1.0, 0.95, 0.25])
    outline = np.concatenate(
        [brow - np.stack([0 * t, thickness / 2], 1), (brow + np.stack([0 * t, thickness / 2], 1))[::-1]]
    )
    colour = np.array(subject.brow_colour)
    paint(picture, polygon(outline, 0.035), colour, 0.75 * subject.brow_density)
    u = rng.uniform(0, 1, 48)  # where along the brow each hair grows; towards its end they lie flatter
    h = np.interp(u, t, thickness)
    root = np.stack([np.interp(u, t, brow[:, 0]), np.interp(u, t, brow[:, 1]) + h * rng.uniform(-0.15, 0.5, 48)], 1)
    tip = root + np.stack([side * 0.11 * (0.3 + u), -0.75 * h * (1.05 - 0.75 * u)], 1)
    paint(picture, strokes(list(np.stack([root, tip], 1)), 0.018), colour * 0.8, 0.7 * subject.brow_density)


def paint_nostrils(picture: np.ndarray, subject: Subject, geometry: Geometry, activations: Activations) -> None:
    """The nostrils' openings and the shadow below the nose."""
    for i, side in enumerate(SIDES):
        wing = geometry.nose_wings[i]
        flare = 1 + 0.25 * float(activations[9][i])
        hole = _ellipse(np.zeros(2), 0.13 * flare, 0.055 + 0.03 * subject.nostrils)
        turn = 0.3 * side
        hole = hole @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        shade(picture, polygon(hole + xy(wing[0] * 0.5, wing[1] + 0.1), 0.03), (0.34, 0.24, 0.22))
    under = np.array([0.0, subject.nose_length + 0.27])
    shade(picture, polygon(_ellipse(under, subject.nose_width * 0.8, 0.08), 0.06), (0.8, 0.74, 0.72))


def paint_mouth(
    picture: np.ndarray, subject: Subject, mouth: Mouth, activations: Activations, brightness: np.ndarray, light: float
) -> None:
    """Lips, teeth, tongue and the dark between them. `brightness` [SIZE, SIZE] is the light on the head."""
    tint = np.array(subject.lip_tint, np.float32)

    def lit(mask: Mask) -> np.ndarray:
        return brightness[mask.window][..., None] * tint

    if mouth.opening > 0.03:
        _paint_inside(picture, mouth, activations, light)
    upper = polygon(np.concatenate([mouth.upper_outer, mouth.upper_inner[::-1]]), 0.02)
    lower = polygon(np.concatenate([mouth.lower_inner, mouth.lower_outer[::-1]]), 0.025)
    paint(picture, upper, 0.84 * lit(upper), 0.85)
    paint(picture, lower, 1.02 * lit(lower), 0.8)
    n = len(mouth.lower_inner)
    core = (mouth.lower_inner * 0.55 + mouth.lower_outer * 0.45)[n // 3 : -(n // 3)]
    gloss = strokes([core], 0.06, 0.05)
    paint(picture, gloss, np.clip(lit(gloss) * 1.3 + 0.1, 0, 1), 0.45)
    line = [mouth.upper_inner] if mouth.opening <= 0.03 else [mouth.upper_inner, mouth.lower_inner]
    shade(picture, strokes(line, 0.03, 0.018), (0.42, 0.28, 0.28) if len(line) == 1 else (0.6, 0.45, 0.45))
    for corner in mouth.corners:
        shade(picture, polygon(_ellipse(corner, 0.07, 0.06), 0.035), (0.55, 0.45, 0.44))
    below = mouth.lower_outer[8:-8] + xy(0, 0.07)
    shade(picture, strokes([below], 0.06, 0.05), (0.8, 0.76, 0.75))


def _paint_inside(picture: np.ndarray, mouth: Mouth, activations: Activations, light: float) -> None:
    opening = polygon(np.concatenate([mouth.upper_inner, mouth.lower_inner[::-1]]), 0.015)
    paint(picture, opening, np.array([0.16, 0.05, 0.05]) * light)
    middle = len(mouth.upper_inner) // 2
    top, bottom = mouth.upper_inner[middle], mouth.lower_inner[middle]
    half = float(mouth.corners[1, 0] - mouth.corners[0, 0]) / 2
    if mouth.opening > 0.35:
        tongue = _ellipse(bottom + xy(0, 0.02), half * 0.6, mouth.opening * 0.35)
        paint(picture, within(polygon(tongue, 0.05), opening), np.array([0.55, 0.22, 0.22]) * light)
    white = np.array([0.93, 0.9, 0.84]) * light
    a = activations.means()
    shown = min(0.06 + 0.22 * a[12] + 0.16 * a[10] + 0.12 * a[20] + 0.08 * a[25], 0.27)
    t = np.linspace(-1, 1, 21)
    n = np.linspace(0, len(mouth.upper_inner) - 1, 21).astype(int)
    edge = mouth.upper_inner[n]
    upper = np.concatenate([edge - xy(0, 0.06), (edge + np.stack([0 * t, shown * (1 - 0.25 * t**2)], 1))[::-1]])
    upper[:, 0] *= 0.93
    paint(picture, within(polygon(upper, 0.015), opening), white)
    if a[16] + 0.6 * a[20] > 0.25:
        edge = mouth.lower_inner[n]
        height = 0.12 * min(a[16] + a[20], 1.0)
        lower = np.concatenate([edge + xy(0, 0.06), (edge - np.stack([0 * t, height * (1 - 0.3 * t**2)], 1))[::-1]])
        lower[:, 0] *= 0.8
        paint(picture, within(polygon(lower, 0.015), opening), 0.86 * white)
    gaps = [np.array([[x, top[1] - 0.05], [x, top[1] + 0.6]]) for x in np.linspace(-0.6, 0.6, 9)]
    shade(picture, within(strokes(gaps, 0.012, 0.01), opening), 0.86)
    shade(picture, within(strokes([mouth.upper_inner], 0.09, 0.05), opening), 0.7)
    for corner in mouth.corners:
        shade(picture, within(polygon(_ellipse(corner, 0.2, 0.16), 0.07), opening), 0.4)
