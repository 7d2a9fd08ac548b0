"""What a face does: FACS action units (Ekman, Friesen and Hager, 2002) and the EMFACS prototypes of the expressions."""

from __future__ import annotations

import numpy as np

from datasets.synthetic_faces.subject import Subject
from ifgan_tf.labels import EXPRESSIONS, index

ACTION_UNITS: dict[int, str] = {
    1: "inner brow raiser",
    2: "outer brow raiser",
    4: "brow lowerer",
    5: "upper lid raiser",
    6: "cheek raiser",
    7: "lid tightener",
    9: "nose wrinkler",
    10: "upper lip raiser",
    12: "lip corner puller",
    15: "lip corner depressor",
    16: "lower lip depressor",
    17: "chin raiser",
    20: "lip stretcher",
    23: "lip tightener",
    24: "lip pressor",
    25: "lips part",
    26: "jaw drop",
    27: "mouth stretch",
}

# Each person shows an expression in one of its variants; weights are the activation at full intensity.
PROTOTYPES: dict[str, tuple[dict[int, float], ...]] = {
    "anger": (
        {4: 1.0, 5: 0.45, 7: 0.8, 23: 0.9, 17: 0.2},
        {4: 1.0, 5: 0.45, 7: 0.8, 24: 0.9, 17: 0.3},
        {4: 1.0, 5: 0.5, 7: 0.8, 10: 0.35, 16: 0.5, 23: 0.6, 25: 0.6},
    ),
    "disgust": (
        {9: 1.0, 10: 0.8, 17: 0.7, 7: 0.3},
        {9: 0.9, 10: 0.9, 16: 0.4, 25: 0.5},
        {9: 1.0, 15: 0.5, 16: 0.4, 10: 0.5},
    ),
    "fear": (
        {1: 1.0, 2: 0.7, 4: 0.75, 5: 0.9, 20: 0.9, 25: 0.6, 26: 0.4},
        {1: 1.0, 2: 0.5, 4: 0.8, 5: 1.0, 20: 1.0, 25: 0.7},
    ),
    "happiness": (
        {6: 0.9, 12: 1.0, 25: 0.9},
        {6: 0.8, 12: 1.0},
        {6: 1.0, 12: 1.0, 25: 0.9, 26: 0.45},
    ),
    "sadness": (
        {1: 1.0, 4: 0.6, 15: 0.9, 17: 0.5},
        {1: 1.0, 4: 0.5, 15: 1.0},
    ),
    "surprise": (
        {1: 0.9, 2: 1.0, 5: 0.6, 25: 0.6, 26: 1.0},
        {1: 0.9, 2: 0.9, 5: 0.7, 25: 0.6, 27: 0.8},
    ),
    "neutral": ({},),
}

INTENSITY_SCALE: dict[int, float] = {2: 0.55, 3: 0.8, 4: 1.0}

NOISE_PROBABILITY = 0.3
NOISE_SCALE = 0.11


class Activations(dict[int, np.ndarray]):
    """Action unit → activation of the image's left and right half, float array [2] of 0..1.2; absent units are 0."""

    def __missing__(self, unit: int) -> np.ndarray:
        if unit not in ACTION_UNITS:
            raise KeyError(unit)
        return np.zeros(2)

    def mean(self, unit: int) -> float:
        """Activation of both halves together."""
        return float(self[unit].mean())

    def means(self) -> dict[int, float]:
        """Every unit's activation of both halves together."""
        return {unit: self.mean(unit) for unit in ACTION_UNITS}

    def side(self, i: int) -> dict[int, float]:
        """Every unit's activation of the image's left (0) or right (1) half."""
        return {unit: float(self[unit][i]) for unit in ACTION_UNITS}


def prototype(seed: int, subject: Subject, expression: str) -> dict[int, float]:
    """How this person shows this expression at full intensity: their variant, with their own weight for every unit."""
    rng = np.random.default_rng([seed, subject.index, len(EXPRESSIONS) + 1, index(expression)])
    variants = PROTOTYPES[expression]
    variant = variants[rng.integers(len(variants))]
    return {unit: weight * float(rng.uniform(0.75, 1.15)) for unit, weight in variant.items()}


def sample_activations(
    seed: int, subject: Subject, expression: str, intensity: int, rng: np.random.Generator
) -> Activations:
    """The action units of one picture.

    Args:
      seed: of the whole data set.
      subject: the person.
      expression: one of `ifgan_tf.labels.EXPRESSIONS`.
      intensity: 2, 3 or 4; without meaning for neutral.
      rng: the picture's own stream: fluctuation, asymmetry and small movements that mean nothing.
    """
    strength = 0.0 if expression == "neutral" else INTENSITY_SCALE[intensity] * subject.expressiveness
    activations = Activations()
    own = prototype(seed, subject, expression)
    for unit in ACTION_UNITS:
        value = own.get(unit, 0.0) * strength * rng.uniform(0.85, 1.15)
        stray = abs(rng.normal(0, NOISE_SCALE)) if rng.random() < NOISE_PROBABILITY else 0.0
        sides = 1 + (subject.side_bias + rng.normal(0, 0.06)) * np.array([-1.0, 1.0])
        activations[unit] = np.clip((value + stray) * sides, 0.0, 1.2)
    return activations
