"""Hair: what lies behind the head, and what falls over the forehead."""

from __future__ import annotations

import cv2
import numpy as np

from datasets.synthetic_faces.canvas import (
    SIZE,
    Mask,
    grid,
    noise,
    outside,
    paint,
    polygon,
    shade,
    spline,
    strokes,
    within,
    xy,
)
from datasets.synthetic_faces.outlines import SIDES, half_width
from datasets.synthetic_faces.subject import Subject

_LONG = ("long", "bob")


def texture(subject: Subject, rng: np.random.Generator) -> np.ndarray:
    """Colours of the hair, strand by strand, float32 [SIZE, SIZE, 3]."""
    x, y = grid()
    if subject.hair_style == "curly":
        strands = 0.5 * noise(rng, 50) + 0.55 * noise(rng, 110) + 0.4 * noise(rng, 200)
    elif subject.hair_style in ("cropped", "bald"):
        strands = 0.35 * noise(rng, 120, 60) + 0.3 * noise(rng, 30, 16)
    else:
        # Strands run away from the parting: noise that changes quickly around it and slowly outwards.
        from_part, angle = cv2.cartToPolar(
            *np.meshgrid(y + 3.2, x - np.float32(0.5 * subject.hair_part), indexing="ij")
        )
        angle = np.where(angle > np.pi, angle - np.float32(2 * np.pi), angle)
        if subject.hair_style in _LONG:
            angle = np.where(y[:, None] > -1.0, angle * 0.2 + x[None, :] * 0.3, angle)
        angle = angle + np.float32(0.06 * subject.hair_wave) * np.sin(4 * from_part)
        columns = ((angle / np.pi + 1) * 0.5 * (SIZE - 1)).astype(np.float32)
        rows = np.clip(from_part * 60, 0, SIZE - 1).astype(np.float32)
        source = 0.55 * noise(rng, 240, 8) + 0.45 * noise(rng, 90, 5)
        strands = cv2.remap(source, columns, rows, cv2.INTER_LINEAR)
    gleam = np.exp(-0.5 * ((np.hypot(x[None, :] * 0.8, y[:, None]) - 2.7) / 0.3) ** 2)
    contrast = 0.26 - 0.16 * float(np.mean(subject.hair_colour))
    contrast *= 0.7 if subject.hair_style == "curly" else 1.0
    brightness = 1 + contrast * strands + 0.3 * gleam * (1 + 0.6 * strands)
    return np.clip(brightness, 0.25, 2.2)[..., None] * np.array(subject.hair_colour, np.float32)


def paint_behind(picture: np.ndarray, subject: Subject, colours: np.ndarray) -> None:
    """Hair behind neck and shoulders, for the styles that have it."""
    top, w, v, style = subject.skull_top, subject.head_width, subject.hair_volume, subject.hair_style
    if style == "long":
        low = 5.2
        sides = [[w + v + 0.2, -0.5], [w + v + 0.25, 2.0], [w + 0.5 + v, low]]
    elif style == "bob":
        low = 2.7
        sides = [[w + v + 0.15, -0.5], [w + v + 0.3, 1.4], [w + 0.15 + v, low], [w * 0.6, low + 0.2]]
    elif style == "curly":
        sides = [[w + v + 0.35, -1.0], [w + v + 0.3, 0.6], [w * 0.8, 1.6]]
    elif style == "tied_back":
        knot = np.array([[0.0, 0.25], [0.62, 0.1], [0.72, -0.4], [0.3, -0.8]])
        outline = np.concatenate([knot, knot[:0:-1] * [-1, 1]]) + xy(0, top - 0.3 * v)
        paint(picture, polygon(spline(outline, closed=True), 0.03), 0.8 * colours)
        return
    else:
        return
    right = np.array([[w * 0.75, top + 0.1 - v], *sides])
    outline = np.concatenate([right, right[::-1] * [-1, 1]])
    mask = polygon(spline(outline, closed=True), 0.04)
    paint(picture, mask, 0.62 * colours)


def hairline(subject: Subject) -> np.ndarray:
    """The edge between forehead and hair, [n, 2] from the image's left temple to the right one."""
    w = subject.head_width
    line = subject.hairline
    style = subject.hair_style
    if style == "fringe":
        points = [
            [-w * 0.98, 0.35],
            [-w * 0.8, -0.55],
            [-1.0, -1.12],
            [0, -1.2],
            [1.0, -1.12],
            [w * 0.8, -0.55],
            [w * 0.98, 0.35],
        ]
    elif style in ("side_part", "long", "bob"):
        part = subject.hair_part
        drop = 0.45 if style != "side_part" else 0.15
        points = [
            [-w * 0.99, 0.3 + drop],
            [-w * 0.84, -0.7],
            [-1.05, line + 0.55 - 0.25 * part],
            [part * 0.6, line - 0.25],
            [1.05, line + 0.55 + 0.25 * part],
            [w * 0.84, -0.7],
            [w * 0.99, 0.3 + drop],
        ]
    else:
        recede = 0.5 * subject.age if style == "cropped" else 0.1
        points = [
            [-w * 1.0, 0.3],
            [-w * 0.86, -0.75],
            [-1.25, line + 0.25 - recede],
            [0, line],
            [1.25, line + 0.25 - recede],
            [w * 0.86, -0.75],
            [w * 1.0, 0.3],
        ]
    return spline(np.array(points, np.float64))


def paint_front(picture: np.ndarray, subject: Subject, colours: np.ndarray, rng: np.random.Generator) -> None:
    """Hair over the skull down to the hairline, its shadow on the forehead, and locks beside the face."""
    w, v, style = subject.head_width, subject.hair_volume, subject.hair_style
    if style == "bald":
        return
    volume = {"cropped": 0.3, "tied_back": 0.35, "curly": 1.6}.get(style, 1.0) * v + 0.06
    y = np.linspace(0.3, subject.skull_top - 0.999 * volume, 40)
    scale = (y - 0.3) / (subject.skull_top - volume - 0.3)
    half = half_width(subject, subject.chin, 0.25 + scale * (subject.skull_top - 0.25)) + volume * (
        1 - scale**6
    ) * np.minimum(1, scale * 4 + 0.25)
    skull = np.concatenate([np.stack([half, y], 1), np.stack([-half, y], 1)[::-1]])
    if style == "curly":
        skull = skull + rng.normal(0, 0.05, skull.shape)
    edge = hairline(subject)
    fringe = rng.normal(0, 0.03 if style in ("fringe", "cropped", "curly") else 0.015, len(edge))
    edge = edge + np.stack([np.zeros(len(edge)), fringe], axis=1)
    outline = np.concatenate([skull, edge])
    soft = 0.05 if style in ("cropped", "curly") else 0.025
    shade(picture, polygon(outline + xy(0, 0.13), 0.1), 0.72)
    paint(picture, polygon(outline, soft), colours)
    if style in ("long", "bob"):
        low = 5.2 if style == "long" else 2.6
        for side in SIDES:
            lock = np.array(
                [
                    [w * 0.7, -1.5],
                    [w * 0.92, -0.3],
                    [w * 0.93, 1.0],
                    [w * 0.9, 2.2],
                    [w * 0.75, low],
                    [w + v + 0.4, low],
                    [w + v + 0.25, 1.5],
                    [w + v + 0.1, -0.6],
                ]
            ) * [side, 1]
            shade(picture, polygon(spline(lock, closed=True) + xy(-side * 0.1, 0.05), 0.1), 0.75)
            paint(picture, polygon(spline(lock, closed=True), 0.03), colours)
    elif style == "tied_back":
        strands = [np.array([[0.16 * k, subject.hairline - 0.1], [0.12 * k, subject.skull_top]]) for k in range(-6, 7)]
        paint(picture, within(strokes(strands, 0.02, 0.02), polygon(outline)), 0.6 * np.array(subject.hair_colour), 0.4)


def beard_mask(subject: Subject, chin: float, mouth: np.ndarray) -> Mask:
    """Where a beard grows: the jaw below the cheeks, without the lips' outline `mouth` [n, 2]."""
    y = np.linspace(0.6, chin - 0.001, 40)
    half = half_width(subject, chin, y) * 1.0
    outer = np.concatenate([np.stack([half, y], 1), np.stack([-half, y], 1)[::-1]])
    inner = spline(
        np.array(
            [
                [-subject.head_width * 0.97, 0.6],
                [-1.55, 1.75],
                [-1.1, 2.0],
                [-0.55, 1.72],
                [0, 1.68],
                [0.55, 1.72],
                [1.1, 2.0],
                [1.55, 1.75],
                [subject.head_width * 0.97, 0.6],
            ]
        )
    )
    mask = polygon(np.concatenate([outer, inner]), 0.09)
    return outside(mask, polygon(mouth, 0.04))
