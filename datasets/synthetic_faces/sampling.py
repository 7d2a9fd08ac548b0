"""What several samplers need of a random generator and its arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def choose(rng: np.random.Generator, kinds: Mapping[str, tuple[float, Any]]) -> str:
    """One of the kinds, whose values begin with how often each is drawn; that need not sum to 1."""
    weights = np.array([weight for weight, _ in kinds.values()])
    return list(kinds)[rng.choice(len(kinds), p=weights / weights.sum())]


def triple(values: np.ndarray) -> tuple[float, float, float]:
    """An array [3], such as a colour or a direction, as plain numbers."""
    first, second, third = values.tolist()
    return (first, second, third)
