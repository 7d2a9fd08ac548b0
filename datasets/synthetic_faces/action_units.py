"""What a face does: FACS action units (Ekman, Friesen and Hager, 2002), left and right apart."""

from __future__ import annotations

import numpy as np

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
    14: "dimpler",
    15: "lip corner depressor",
    16: "lower lip depressor",
    17: "chin raiser",
    18: "lip pucker",
    20: "lip stretcher",
    22: "lip funneler",
    23: "lip tightener",
    24: "lip pressor",
    25: "lips part",
    26: "jaw drop",
    27: "mouth stretch",
    28: "lip suck",
    43: "eyes closed",
}
STRONGEST = 1.2  # of an activation; 1 is what most people can do


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

    def table(self) -> np.ndarray:
        """All activations in the order of `ACTION_UNITS`, float32 [units, 2]."""
        return np.array([self[unit] for unit in ACTION_UNITS], np.float32)

    def plus(self, others: Activations) -> Activations:
        """Both at once, up to what a face can do."""
        return Activations({unit: np.clip(self[unit] + others[unit], 0, STRONGEST) for unit in {*self, *others}})
