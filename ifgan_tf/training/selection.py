"""Which epoch of a run counts: the best on validation; the last one where nothing is held out to validate on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def score(validated: Mapping[str, float]) -> tuple[float, float]:
    """What is compared between epochs, the higher the better; of equals the earlier epoch counts.

    On a few dozen validation images many epochs reach the same `accuracy`: of those, the one with the lowest
    `cross_entropy` is best.
    """
    return validated["accuracy"], -validated.get("cross_entropy", 0.0)


def best(lines: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The line of metrics of the epoch that the checkpoint `best` is of; there must be one."""
    if "validation" not in lines[-1]:
        return lines[-1]
    return max(lines, key=lambda line: score(line["validation"]))
