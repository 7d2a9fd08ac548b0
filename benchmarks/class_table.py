"""Accuracy by class, as rows of a table."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ifgan_tf.evaluation import metrics
from ifgan_tf.labels import EXPRESSIONS

Row = dict[str, float | str]

FIGURES = ("accuracy", *EXPRESSIONS)


def figures(labels: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
    """Accuracy, and each expression's own; NaN for one that no picture shows.

    Args:
      labels: int [N], of the vocabulary.
      predictions: int [N], or `metrics.NO_FACE`, which is an error.
    """
    recalls = metrics.class_accuracy(labels, predictions, len(EXPRESSIONS))
    named = dict(zip(EXPRESSIONS, recalls.tolist(), strict=True))
    return {"accuracy": metrics.accuracy(labels, predictions), **named}


def over_seeds(rows: Sequence[Row], keys: Sequence[str]) -> list[Row]:
    """The mean figures of rows that agree in `keys`, in their order, with the `spread` of accuracy (largest - smallest)
    and how many `runs` they are."""
    groups: dict[tuple[float | str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    result = []
    for values, group in groups.items():
        table = np.array([[float(row[name]) for name in FIGURES] for row in group])
        means: Row = dict(zip(FIGURES, table.mean(axis=0).tolist(), strict=True))
        spread = float(np.ptp(table[:, 0]))
        result.append({**dict(zip(keys, values, strict=True)), "runs": len(group), "spread": spread, **means})
    return result


def markdown(rows: Sequence[Row]) -> str:
    """The rows, all of the same columns, as a Markdown table; figures in per cent, empty for NaN."""
    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "|---" * len(names) + "|"]
    lines += ["| " + " | ".join(_cell(name, row[name]) for name in names) + " |" for row in rows]
    return "\n".join(lines)


def _cell(name: str, value: float | str) -> str:
    if name not in (*FIGURES, "spread"):
        return str(value)
    return "" if math.isnan(float(value)) else f"{100 * float(value):.1f}"
