"""How an expression is shown: not by a recipe but by a draw from what people were seen to do.

Du, Tao and Martinez (PNAS 111(15), 2014, Table 1) coded what 230 people do when they are asked for an expression: units
that more than 70 % of them showed, and others with their share. EMFACS (Friesen and Ekman, 1983) lists further
combinations that are read as the expression. A picture follows the one or the other; how strongly, how evenly and with
what else is its own. Le Mau et al. (Nature Communications 12, 2021) found that professional actors vary no less.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np

from datasets.synthetic_faces.action_units import ACTION_UNITS, STRONGEST, Activations
from ifgan_tf.labels import EXPRESSIONS, index


class Unit(NamedTuple):
    """How many of those who show a display show the unit (0..1), and its activation at full strength."""

    share: float
    activation: float = 1.0


@dataclasses.dataclass(frozen=True)
class Display:
    """A way to show an expression: how many show it so (shares of an expression sum to 1), and with which units."""

    share: float
    units: dict[int, Unit]


# The first display of each expression is Du, Tao and Martinez' row, with their shares (0.9: "more than 70 %"); unit 11,
# a deepened nasolabial fold without more, is left out. The others are EMFACS' combinations.
DISPLAYS: dict[str, tuple[Display, ...]] = {
    "anger": (
        Display(
            0.35,
            {
                4: Unit(0.95, 0.9),
                7: Unit(0.9, 0.9),
                24: Unit(0.9, 0.9),
                17: Unit(0.52, 0.6),
                23: Unit(0.29, 0.7),
                10: Unit(0.26, 0.4),
            },
        ),
        Display(0.2, {4: Unit(1), 5: Unit(0.9, 0.7), 7: Unit(0.8, 0.8), 23: Unit(0.8, 0.9), 17: Unit(0.5, 0.5)}),
        Display(
            0.3,
            {
                4: Unit(1),
                5: Unit(0.7, 0.7),
                7: Unit(0.9, 0.8),
                10: Unit(0.8, 0.7),
                16: Unit(0.4, 0.5),
                22: Unit(0.4, 0.5),
                23: Unit(0.6, 0.6),
                25: Unit(1, 0.9),
                26: Unit(0.5, 0.6),
            },
        ),
        Display(
            0.15,
            {
                4: Unit(1),
                7: Unit(0.9),
                9: Unit(0.5, 0.4),
                10: Unit(0.9, 0.7),
                16: Unit(0.9, 0.8),
                20: Unit(0.5, 0.5),
                25: Unit(1, 0.8),
            },
        ),
    ),
    "disgust": (
        Display(
            0.4,
            {
                9: Unit(0.9),
                10: Unit(0.9, 0.9),
                17: Unit(0.9, 0.7),
                4: Unit(0.31, 0.6),
                24: Unit(0.26, 0.5),
                7: Unit(0.5, 0.6),
                6: Unit(0.3, 0.5),
            },
        ),
        Display(
            0.2,
            {
                9: Unit(1),
                10: Unit(0.4, 0.7),
                16: Unit(0.9, 0.8),
                25: Unit(1, 0.8),
                26: Unit(0.6, 0.6),
                7: Unit(0.5, 0.5),
            },
        ),
        Display(0.2, {10: Unit(1), 16: Unit(0.6, 0.6), 25: Unit(1, 0.7), 26: Unit(0.4, 0.4), 9: Unit(0.3, 0.5)}),
        Display(0.2, {9: Unit(1), 15: Unit(0.5, 0.6), 17: Unit(0.7, 0.7), 4: Unit(0.4, 0.5), 7: Unit(0.6, 0.6)}),
    ),
    "fear": (
        Display(
            0.5,
            {
                1: Unit(0.95),
                4: Unit(0.9, 0.8),
                20: Unit(0.9, 0.9),
                25: Unit(0.95, 0.9),
                2: Unit(0.57, 0.7),
                5: Unit(0.63),
                26: Unit(0.33, 0.6),
            },
        ),
        Display(
            0.3,
            {
                1: Unit(1),
                2: Unit(1, 0.8),
                4: Unit(0.9, 0.7),
                5: Unit(1),
                20: Unit(0.8, 0.8),
                25: Unit(1, 0.8),
                26: Unit(0.5, 0.6),
                27: Unit(0.2, 0.5),
            },
        ),
        Display(
            0.2, {1: Unit(1), 2: Unit(0.8, 0.7), 4: Unit(1, 0.8), 5: Unit(1), 20: Unit(0.5, 0.6), 25: Unit(0.3, 0.4)}
        ),
    ),
    "happiness": (
        Display(0.5, {12: Unit(1), 25: Unit(0.95), 6: Unit(0.51, 0.9), 26: Unit(0.2, 0.4)}),
        Display(0.25, {12: Unit(1, 0.95), 6: Unit(0.85, 0.9), 14: Unit(0.15, 0.4)}),
        Display(0.15, {12: Unit(1), 6: Unit(1), 7: Unit(0.4, 0.6), 25: Unit(1), 26: Unit(0.9, 0.8), 1: Unit(0.2, 0.3)}),
        Display(0.1, {12: Unit(1, 0.8), 14: Unit(0.3, 0.4), 17: Unit(0.15, 0.3)}),
    ),
    "sadness": (
        Display(0.45, {4: Unit(0.9, 0.8), 15: Unit(0.9), 1: Unit(0.6), 6: Unit(0.5, 0.5), 17: Unit(0.67, 0.7)}),
        Display(0.3, {1: Unit(1), 4: Unit(0.9, 0.6), 15: Unit(0.9), 17: Unit(0.5, 0.6), 43: Unit(0.4, 0.2)}),
        Display(0.1, {6: Unit(1, 0.8), 15: Unit(1), 17: Unit(0.6, 0.8), 1: Unit(0.5, 0.8), 7: Unit(0.4, 0.5)}),
        Display(0.1, {1: Unit(1), 4: Unit(0.8, 0.6), 15: Unit(0.5, 0.5), 43: Unit(0.9, 0.25), 25: Unit(0.2, 0.3)}),
        Display(
            0.05, {1: Unit(1), 4: Unit(1, 0.8), 6: Unit(0.8, 0.7), 15: Unit(1), 20: Unit(0.5, 0.5), 25: Unit(1, 0.7)}
        ),
    ),
    "surprise": (
        Display(0.55, {1: Unit(0.95), 2: Unit(0.95), 25: Unit(0.95, 0.8), 26: Unit(0.95), 5: Unit(0.66, 0.8)}),
        Display(0.25, {1: Unit(1), 2: Unit(1), 5: Unit(0.9, 0.9), 25: Unit(1, 0.8), 27: Unit(1, 0.8)}),
        Display(0.1, {1: Unit(1), 2: Unit(1), 5: Unit(0.9, 0.9), 26: Unit(0.4, 0.2)}),
        Display(0.1, {5: Unit(0.9, 0.9), 1: Unit(0.5, 0.5), 2: Unit(0.5, 0.5), 25: Unit(1, 0.8), 26: Unit(1, 0.9)}),
    ),
    "neutral": (Display(1.0, {}),),
}

# Four grades of intensity, as BU-3DFE's: a trace, slight, marked, as strong as it gets.
STRENGTHS: dict[int, tuple[float, float]] = {1: (0.2, 0.4), 2: (0.4, 0.65), 3: (0.65, 0.85), 4: (0.85, 1.1)}
GRADES: tuple[int, ...] = tuple(STRENGTHS)

# A resting face is not the absence of everything: by its shape alone it looks stern, tired, amused.
RESTING_LOOKS: dict[str, tuple[float, dict[int, float]]] = {
    "plain": (0.34, {}),
    "stern": (0.16, {4: 0.3, 24: 0.2, 15: 0.12}),
    "tired": (0.14, {43: 0.14, 15: 0.1, 1: 0.08}),
    "amused": (0.14, {12: 0.2, 6: 0.12}),
    "gloomy": (0.12, {1: 0.15, 15: 0.16, 17: 0.08}),
    "alert": (0.10, {5: 0.25, 2: 0.25}),
}


class Lean(NamedTuple):
    """What head and eyes do along with an expression: how many do it, and how far at full strength, in degrees.

    `aside` turns the head to either side, `tilt` tilts it to either side; `down` lowers head, `gaze_down` the eyes;
    `gaze_aside` turns the eyes along with the head (negative: back towards the camera).
    """

    share: float
    down: float = 0.0
    aside: float = 0.0
    tilt: float = 0.0
    gaze_down: float = 0.0
    gaze_aside: float = 0.0


# FACS 51-58 and 61-64 as EMFACS names them with the expressions: head and eyes down in sadness (54, 64), turned away in
# disgust, lowered brow against the camera in anger, thrown back in laughter and surprise.
LEANS: dict[str, Lean] = {
    "anger": Lean(0.5, down=6, gaze_down=-5),
    "disgust": Lean(0.45, down=-3, aside=8, gaze_down=3, gaze_aside=-5),
    "fear": Lean(0.4, down=-3, aside=5, gaze_aside=8),
    "happiness": Lean(0.45, down=-4, tilt=5),
    "sadness": Lean(0.5, down=7, tilt=3, gaze_down=10),
    "surprise": Lean(0.4, down=-4),
    "neutral": Lean(0.0),
}
# What nobody does while they do one of the others: part the lips that they press, blink with eyes torn open.
_EXCLUDED: dict[int, set[int]] = {25: {24, 28}, 26: {24, 27, 28}, 43: {5}}
_YAW, _PITCH, _ROLL = 20.0, 14.0, 14.0  # degrees: further is no frontal face


@dataclasses.dataclass(frozen=True)
class Habits:
    """How one person moves.

    Attributes:
      expressiveness: about 1; multiplies every strength.
      unevenness: left/right difference of every unit, about -0.2..0.2.
      favourites: for every expression the display that this person shows most of the time.
      weights: for every unit how easily this face does it, 0.4..1.25.
    """

    expressiveness: float
    unevenness: float
    favourites: tuple[int, ...]
    weights: dict[int, float]


@dataclasses.dataclass(frozen=True)
class Performance:
    """What head and face do in one picture.

    Attributes:
      activations: of the action units, without the resting face.
      strength: of the expression, 0 for neutral, 1 full.
      gaze: of the eyes in the head, radians to the image's right and down.
      head: yaw (positive: towards the image's right), pitch (down) and roll (clockwise), radians.
    """

    activations: Activations
    strength: float
    gaze: tuple[float, float]
    head: tuple[float, float, float]


def sample_habits(rng: np.random.Generator) -> Habits:
    """A person's own way to move."""
    return Habits(
        expressiveness=float(np.clip(rng.normal(1.0, 0.1), 0.8, 1.2)),
        unevenness=float(np.clip(rng.normal(0, 0.08), -0.2, 0.2)),
        favourites=tuple(_choose(rng, DISPLAYS[expression]) for expression in EXPRESSIONS),
        weights={unit: float(np.clip(rng.normal(0.9, 0.2), 0.4, 1.25)) for unit in ACTION_UNITS},
    )


def sample_rest(rng: np.random.Generator) -> Activations:
    """How a face looks while nothing moves, as the action units that would make a plain face look so."""
    shares = [share for share, _ in RESTING_LOOKS.values()]
    look = list(RESTING_LOOKS.values())[rng.choice(len(shares), p=shares)][1]
    amount = rng.uniform(0.3, 1.2)
    rest = {unit: value * amount for unit, value in look.items()}
    for unit in (1, 2, 4, 5, 7, 10, 12, 15, 17, 24, 43):
        rest[unit] = rest.get(unit, 0.0) + max(rng.normal(0, 0.06), 0.0)
    return Activations({unit: np.full(2, value) for unit, value in rest.items()})


def sample_performance(expression: str, strength: float, habits: Habits, rng: np.random.Generator) -> Performance:
    """What a person does in one picture.

    Args:
      expression: one of `ifgan_tf.labels.EXPRESSIONS`.
      strength: how strongly; without meaning for neutral.
      habits: the person's.
      rng: the picture's own stream.
    """
    strength = 0.0 if expression == "neutral" else strength * habits.expressiveness
    displays = DISPLAYS[expression]
    favourite = habits.favourites[index(expression)]
    display = displays[favourite if rng.random() < 0.5 else _choose(rng, displays)]
    values = _movements_without_meaning(rng)
    meant = {unit: activation for unit, (share, activation) in display.units.items() if rng.random() < share}
    for unit, instead in _EXCLUDED.items():
        if instead & meant.keys():
            values.pop(unit, None)
            meant.pop(unit, None)
    for unit, activation in meant.items():
        values[unit] = values.get(unit, 0.0) + strength * activation * habits.weights[unit] * rng.uniform(0.8, 1.2)
    return Performance(
        Activations({unit: _sides(value, habits, rng) for unit, value in sorted(values.items())}),
        strength,
        *_gaze_and_head(LEANS[expression], strength, rng),
    )


def still(activations: Activations) -> Performance:
    """A face that looks into the camera and does just this."""
    return Performance(activations, max((float(v.max()) for v in activations.values()), default=0.0), (0, 0), (0, 0, 0))


def _choose(rng: np.random.Generator, displays: tuple[Display, ...]) -> int:
    return int(rng.choice(len(displays), p=[display.share for display in displays]))


def _movements_without_meaning(rng: np.random.Generator) -> dict[int, float]:
    """Traces of any unit, a blink now and then, lips that part to speak."""
    values = {unit: abs(rng.normal(0, 0.1)) for unit in ACTION_UNITS if unit != 27 and rng.random() < 0.2}
    if rng.random() < 0.02:
        values[43] = rng.uniform(0.5, 1.0)
    if rng.random() < 0.12:
        values[25] = rng.uniform(0.3, 0.7)
        values[26] = rng.uniform(0.0, 0.25)
    return values


def _sides(value: float, habits: Habits, rng: np.random.Generator) -> np.ndarray:
    difference = habits.unevenness + rng.normal(0, 0.07)
    if rng.random() < 0.05:  # now and then one half hardly takes part
        difference += rng.choice([-0.5, 0.5])
    return np.clip(value * (1 + difference * np.array([-1.0, 1.0])), 0.0, STRONGEST)


def _gaze_and_head(
    lean: Lean, strength: float, rng: np.random.Generator
) -> tuple[tuple[float, float], tuple[float, float, float]]:
    looks_away = 3.0 if rng.random() < 0.15 else 1.0
    gaze_x, gaze_y = rng.normal(0, [3.0, 1.5]) * looks_away
    yaw, pitch, roll = rng.normal(0, [6.5, 4.0, 3.5])
    if rng.random() < lean.share:
        side, tilt_side = rng.choice([-1, 1], 2)
        yaw += side * lean.aside * strength
        roll += tilt_side * lean.tilt * strength
        pitch += lean.down * strength
        gaze_x += side * lean.gaze_aside * strength
        gaze_y += lean.gaze_down * strength
    gaze = np.deg2rad(np.clip([gaze_x, gaze_y], [-20, -12], [20, 15]))
    head = np.deg2rad(np.clip([yaw, pitch, roll], [-_YAW, -_PITCH, -_ROLL], [_YAW, _PITCH, _ROLL]))
    return (float(gaze[0]), float(gaze[1])), (float(head[0]), float(head[1]), float(head[2]))
