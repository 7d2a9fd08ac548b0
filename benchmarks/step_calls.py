"""What Python costs between two training steps: steps called one by one, against as many in one graph."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

import tensorflow as tf
from absl import flags

from benchmarks.processes import described_networks, machine, new_trainer
from benchmarks.train_step import data
from ifgan_tf import cli
from ifgan_tf import config as config_lib

USAGE = """
Prints milliseconds a step of the networks that the flags describe (defaults: the paper's), called one by one as
train.py calls them, and of the same steps in a tf.while_loop of one call, which Python has no part in. The two take
turns in one process; the figures are medians over the turns.

    python -m benchmarks.step_calls --flagfile=flags/demo.flags
    python -m benchmarks.step_calls --flagfile=flags/demo.flags --classifier_input=input --batch_size=2

Weights are new and images random: time does not depend on what they show.
"""


def one_by_one(step: Callable[..., dict[str, tf.Tensor]], batch: Sequence[tf.Tensor], steps: int) -> float:
    """The last loss of `steps` steps that Python calls."""
    for _ in range(steps):
        metrics = step(*batch)
    return float(metrics["loss"])


def in_one_graph(
    step: Callable[..., dict[str, tf.Tensor]], batch: Sequence[tf.Tensor], steps: int
) -> Callable[[], float]:
    """The same steps as a function of one call."""

    @tf.function
    def several() -> tf.Tensor:
        loss = tf.constant(0.0)
        for _ in tf.range(steps):
            loss = step(*batch)["loss"]
        return loss

    return lambda: float(several())


def milliseconds(run: Callable[[], float], steps: int) -> float:
    """A step's, of a run of `steps`."""
    start = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - start) / steps


def main(arguments: Sequence[str]) -> None:
    cli.only_flags(arguments)
    steps, config = flags.FLAGS.steps, described_networks()
    images, labels, average_faces = (tf.constant(array) for array in data(config))
    step = new_trainer(config, average_faces).step
    sides = {
        "called one by one": lambda: one_by_one(step, (images, labels), steps),
        "in one graph": in_one_graph(step, (images, labels), steps),
    }
    for run in sides.values():
        run()
    turns = [{name: milliseconds(run, steps) for name, run in sides.items()} for _ in range(flags.FLAGS.turns)]
    called, whole = (statistics.median(turn[name] for turn in turns) for name in sides)
    print(f"{machine()}; batch {config.optimizer.batch_size}")
    print(f"called one by one {called:.2f} ms a step, in one graph {whole:.2f}: {called / whole:.3f} times")


if __name__ == "__main__":
    config_lib.define_flags()
    flags.DEFINE_integer("steps", 20, "Steps a turn.", 1)
    flags.DEFINE_integer("turns", 7, "Turns of each side.", 1)
    cli.run(main, USAGE)
