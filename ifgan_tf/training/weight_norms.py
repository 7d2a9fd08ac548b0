"""How large the weights of G, D and E are, and how far training moves them."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from ifgan_tf.models.networks import Networks, trackables

Weights = dict[str, list[np.ndarray]]


def trainable_weights(networks: Networks) -> Weights:
    """Copies of the weights that are trained, under the networks' names; a network without any is left out."""
    return {
        name: [np.array(variable) for variable in network.trainable_variables]
        for name, network in trackables(networks).items()
        if network.trainable_variables
    }


def weight_norms(before: Weights, after: Weights) -> dict[str, dict[str, float]]:
    """Norms over all weights of each network.

    Args:
      before: an epoch ago.
      after: now, of the same networks.
    Returns:
      `weights`: network → ‖w‖ now; `updates`: network → ‖Δw‖ / ‖w‖, the way from then to now, as a share of the norm
      then.
    """
    ways = {name: [new - old for old, new in zip(before[name], after[name], strict=True)] for name in before}
    return {
        "weights": {name: _norm(weights) for name, weights in after.items()},
        "updates": {name: _norm(way) / _norm(before[name]) for name, way in ways.items()},
    }


def _norm(weights: Iterable[np.ndarray]) -> float:
    return math.hypot(*(float(np.linalg.norm(weight)) for weight in weights))
