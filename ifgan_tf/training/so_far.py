"""How far a run has come: what the epoch that has begun has gathered, beside what is in the networks."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ifgan_tf.training.weight_norms import Weights

_PLAIN = ("epoch", "taken", "seconds", "sums", "balance", "line")  # what JSON can hold


class SoFar(tf.train.experimental.PythonState):
    """A part of every checkpoint, so that an epoch gone on with ends with the line of metrics of one never stopped.

    Attributes:
      epoch: epochs finished, each with its line of metrics.
      taken: steps taken of the epoch after them.
      seconds: that these took.
      sums: metric → its sum over these steps.
      balance: what `BalanceMeter.measure` said before the first of them; empty while the epoch has not begun.
      weights: copies of the trained weights then.
      line: of metrics, of the last finished epoch.
    """

    def __init__(self) -> None:
        self.epoch = 0
        self.line: dict[str, Any] = {}
        self._no_epoch()

    def _no_epoch(self) -> None:
        self.taken = 0
        self.seconds = 0.0
        self.sums: dict[str, float] = {}
        self.balance: dict[str, dict[str, float]] = {}
        self.weights: Weights = {}

    def begin(self, balance: dict[str, dict[str, float]], weights: Weights) -> None:
        """An epoch begins."""
        self.balance, self.weights = balance, weights

    def add(self, steps: Sequence[Mapping[str, float]], seconds: float) -> None:
        """Some of its steps are taken; these are their metrics.

        They are added one after the other, so that the sums do not depend on how many come at a time.
        """
        for metrics in steps:
            for name, value in metrics.items():
                self.sums[name] = self.sums.get(name, 0.0) + value
        self.taken += len(steps)
        self.seconds += seconds

    def means(self) -> dict[str, float]:
        """The mean of every metric over the steps taken."""
        return {name: total / self.taken for name, total in self.sums.items()}

    def finish(self, line: dict[str, Any]) -> None:
        """The epoch is over, and `line` is its line of metrics."""
        self._no_epoch()
        self.epoch, self.line = line["epoch"], line

    def serialize(self) -> bytes:
        """A line of JSON, then the weights as NumPy's own files: nothing of it is code."""
        counts = {name: len(weights) for name, weights in self.weights.items()}
        told = {"weights": counts, **{name: getattr(self, name) for name in _PLAIN}}
        stream = io.BytesIO()
        stream.write(json.dumps(told).encode() + b"\n")
        for weights in self.weights.values():
            for weight in weights:
                np.save(stream, weight, allow_pickle=False)
        return stream.getvalue()

    def deserialize(self, string_value: bytes) -> None:
        """Becomes what `serialize` wrote."""
        stream = io.BytesIO(string_value)
        told = json.loads(stream.readline())
        for name in _PLAIN:
            setattr(self, name, told[name])
        self.weights = {
            name: [np.load(stream, allow_pickle=False) for _ in range(count)] for name, count in told["weights"].items()
        }
