"""The light that falls on a head: one key light with a shadow, a fill, and light from all around."""

from __future__ import annotations

import dataclasses

import numpy as np

from datasets.synthetic_faces.sampling import triple

_KINDS = ("studio", "window", "overcast", "sun", "room", "lamp")
_ODDS = (0.28, 0.2, 0.18, 0.12, 0.14, 0.08)


@dataclasses.dataclass(frozen=True)
class Light:
    """Colours are amounts of light, RGB; directions point towards the light (x right, y up, z to the camera).

    Attributes:
      key, fill: directions, unit vectors.
      key_colour, fill_colour: what they add on a surface that faces them.
      above, below: what comes from the upper and the lower half of everything around.
      softness: blur of the key light's shadow, dm.
    """

    key: tuple[float, float, float]
    key_colour: tuple[float, float, float]
    fill: tuple[float, float, float]
    fill_colour: tuple[float, float, float]
    above: tuple[float, float, float]
    below: tuple[float, float, float]
    softness: float


def _direction(azimuth: float, elevation: float) -> tuple[float, float, float]:
    """Degrees to the image's right of the camera, and up."""
    a, e = np.deg2rad(azimuth), np.deg2rad(elevation)
    return (float(np.sin(a) * np.cos(e)), float(np.sin(e)), float(np.cos(a) * np.cos(e)))


def _tint(warmth: float) -> np.ndarray:
    """The colour of light of a warmth from -1 (blue sky) to 1 (a candle), of constant brightness."""
    colour = np.exp(np.array([0.38, 0.0, -0.6]) * warmth * 0.7)
    return colour / (colour @ [0.3, 0.6, 0.1])


def sample_light(rng: np.random.Generator) -> Light:
    """The light of one picture: as in studios, rooms and out of doors."""
    kind = str(rng.choice(_KINDS, p=_ODDS))
    side = rng.choice([-1, 1])
    azimuth, elevation = side * abs(rng.normal(25, 20)), rng.normal(28, 12)
    share, softness, warm_key, warm_around = (
        rng.uniform(0.45, 0.65),
        rng.uniform(0.1, 0.25),
        rng.normal(0, 0.12),
        rng.normal(0, 0.1),
    )
    if kind == "window":
        azimuth, elevation = side * rng.uniform(35, 75), rng.uniform(5, 30)
        share, softness, warm_key, warm_around = (
            rng.uniform(0.55, 0.78),
            rng.uniform(0.15, 0.35),
            rng.uniform(-0.3, 0.1),
            rng.uniform(-0.1, 0.35),
        )
    elif kind == "overcast":
        elevation, share, softness, warm_around = (
            rng.uniform(45, 75),
            rng.uniform(0.15, 0.35),
            0.4,
            rng.uniform(-0.35, 0.05),
        )
    elif kind == "sun":
        azimuth, elevation = side * rng.uniform(5, 65), rng.uniform(25, 60)
        share, softness, warm_key, warm_around = (
            rng.uniform(0.6, 0.8),
            rng.uniform(0.01, 0.05),
            rng.uniform(0.0, 0.35),
            rng.uniform(-0.4, -0.05),
        )
    elif kind == "room":
        elevation, share, softness = rng.uniform(40, 70), rng.uniform(0.35, 0.55), rng.uniform(0.12, 0.3)
        warm_key, warm_around = rng.uniform(0.05, 0.6), rng.uniform(0.0, 0.5)
    elif kind == "lamp":
        azimuth, elevation = side * rng.uniform(10, 80), rng.uniform(-20, 40)
        share, softness, warm_key = rng.uniform(0.6, 0.8), rng.uniform(0.03, 0.2), rng.uniform(0.1, 0.8)
    elevation = float(np.clip(elevation, -25, 78))
    level = rng.uniform(0.85, 1.2)
    around = (1 - share) * level
    slope = rng.uniform(0.15, 0.65)
    fill_share = rng.uniform(0.1, 0.5)
    ground = _tint(rng.normal(0.15, 0.2))

    return Light(
        key=_direction(azimuth, elevation),
        key_colour=triple(share * level * 1.25 * _tint(warm_key)),
        fill=_direction(-side * rng.uniform(20, 100), rng.uniform(-10, 30)),
        fill_colour=triple(around * fill_share * 1.2 * _tint(rng.normal(0, 0.25))),
        above=triple(around * (1 - fill_share) * (1 + slope) * _tint(warm_around)),
        below=triple(around * (1 - fill_share) * (1 - slope) * ground),
        softness=float(softness),
    )
