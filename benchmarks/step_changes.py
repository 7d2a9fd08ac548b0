"""What each measure for speed and memory brings to the training step: without it, against the step as it is."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from absl import flags

from benchmarks.processes import described_networks, machine, measure
from benchmarks.train_step import one_turn
from ifgan_tf import cli
from ifgan_tf import config as config_lib

USAGE = """
Prints a row for the training step that the flags describe (defaults: the paper's) and for the same step with one
measure undone: images/s, seconds to trace it, operations in its graph, peak memory; and all undone. They take turns,
each turn a process of its own; the figures are medians.

    python -m benchmarks.step_changes --batch_size=4
"""

AS_IT_IS = "as it is"
EVERYTHING = "all of them"


def whole_attention() -> None:
    """Attention that holds all N² coefficients, as the formula is written."""
    from ifgan_tf.models import attention

    attention.attend = partial(attention.attend, block_coefficients=sys.maxsize)


def composed_batch_norm() -> None:
    """Keras' own batch normalisation."""
    import keras

    from ifgan_tf.models.normalization import BatchNormalization

    BatchNormalization.call = keras.layers.BatchNormalization.call  # type: ignore[method-assign]


def updates_of_many_operations() -> None:
    """Keras' own Adam."""
    import keras

    from ifgan_tf.training.adam import Adam

    Adam.apply = keras.optimizers.Adam.apply  # type: ignore[method-assign]


def gradient_from_the_input() -> None:
    """TensorFlow's own gradient of LeakyReLU."""
    import keras

    from ifgan_tf.models.leaky_relu import LeakyReLU

    def call(self: keras.layers.LeakyReLU, inputs: Any, training: bool | None = None) -> Any:
        return keras.layers.LeakyReLU.call(self, inputs)

    LeakyReLU.call = call  # type: ignore[method-assign]


MEASURES: dict[str, Callable[[], None]] = {
    "attention in blocks": whole_attention,
    "fused batch normalisation": composed_batch_norm,
    "fused updates of Adam": updates_of_many_operations,
    "LeakyReLU's gradient from its output": gradient_from_the_input,
}


def measure_here(undone: str, steps: int) -> dict[str, Any]:
    """One turn of the step in this process, with `undone` undone; see `benchmarks.train_step.one_turn`."""
    for name, undo in MEASURES.items():
        if undone in (name, EVERYTHING):
            undo()
    return one_turn("ifgan_tf", described_networks(), steps)


def main(arguments: Sequence[str]) -> None:
    cli.only_flags(arguments)
    values = flags.FLAGS
    if values.undone:
        print(json.dumps(measure_here(values.undone, values.steps)))
        return
    rows = [AS_IT_IS, *MEASURES, EVERYTHING]
    results: dict[str, list[dict[str, Any]]] = {row: [] for row in rows}
    for _ in range(values.turns):
        for row in rows:
            results[row].append(measure("benchmarks.step_changes", *sys.argv[1:], f"--undone={row}"))
    batch = described_networks().optimizer.batch_size
    print(machine() + f"; batch {batch}")
    print("| without | images/s | of the step as it is | trace, s | operations | peak, GB |\n|---|---|---|---|---|---|")
    rates = {row: batch / statistics.median(s for turn in results[row] for s in turn["seconds"]) for row in rows}
    for row in rows:
        trace, operations, memory = (
            statistics.median(turn[name] for turn in results[row]) for name in ("trace", "operations", "memory")
        )
        share = rates[row] / rates[AS_IT_IS]
        name = "(the step as it is)" if row == AS_IT_IS else row
        print(f"| {name} | {rates[row]:.2f} | {share:.2f} | {trace:.1f} | {operations:.0f} | {memory:.2f} |")


if __name__ == "__main__":
    config_lib.define_flags()
    flags.DEFINE_enum(
        "undone", None, [AS_IT_IS, *MEASURES, EVERYTHING], "Measure this row alone, in this process, and print JSON."
    )
    flags.DEFINE_integer("steps", 3, "Steps a turn, after a warm-up.", 1)
    flags.DEFINE_integer("turns", 2, "Turns of each row.", 1)
    cli.run(main, USAGE)
