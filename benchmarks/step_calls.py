"""What Python costs between two training steps: steps called one by one, against as many in one call."""

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
from ifgan_tf.training.step import Trainer

USAGE = """
Prints milliseconds a step of the networks that the flags describe (defaults: the paper's), called one by one as
train.py calls them, and of the same steps in one call, as it does with --steps_per_execution. The two take turns in one
process; the figures are medians over the turns.

    python -m benchmarks.step_calls --flagfile=flags/demo.flags
    python -m benchmarks.step_calls --flagfile=flags/demo.flags --classifier_input=input --batch_size=2

Weights are new and images random: time does not depend on what they show.
"""


def one_by_one(trainer: Trainer, batches: Sequence[tuple[tf.Tensor, ...]]) -> float:
    """The last loss of the steps that Python calls."""
    for batch in batches:
        metrics = trainer.step(*batch)
    return float(metrics["loss"])


def in_one_call(trainer: Trainer, batches: Sequence[tuple[tf.Tensor, ...]]) -> float:
    """The last loss of the same steps as --steps_per_execution takes them."""
    return float(trainer.several(*batches)["loss"][-1])


def milliseconds(run: Callable[[], float], steps: int) -> float:
    """A step's, of a run of `steps`."""
    start = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - start) / steps


def main(arguments: Sequence[str]) -> None:
    cli.only_flags(arguments)
    steps, config = flags.FLAGS.steps, described_networks()
    images, labels, average_faces = (tf.constant(array) for array in data(config))
    trainer, batches = new_trainer(config, average_faces), [(images, labels)] * steps
    sides = {
        "called one by one": lambda: one_by_one(trainer, batches),
        "in one call": lambda: in_one_call(trainer, batches),
    }
    for run in sides.values():
        run()
    turns = [{name: milliseconds(run, steps) for name, run in sides.items()} for _ in range(flags.FLAGS.turns)]
    called, whole = (statistics.median(turn[name] for turn in turns) for name in sides)
    print(f"{machine()}; batch {config.optimizer.batch_size}")
    print(f"called one by one {called:.2f} ms a step, in one call {whole:.2f}: {called / whole:.3f} times")


if __name__ == "__main__":
    config_lib.define_flags()
    flags.DEFINE_integer("steps", 20, "Steps a turn.", 1)
    flags.DEFINE_integer("turns", 7, "Turns of each side.", 1)
    cli.run(main, USAGE)
