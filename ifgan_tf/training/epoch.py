"""One epoch of training, watched: its progress, its curves, and a stop at a loss that is no number."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from ifgan_tf import progress
from ifgan_tf.errors import UserError
from ifgan_tf.training.step import Metrics, Trainer
from ifgan_tf.training.summaries import Summaries

_LOOK_EVERY = 20  # steps between two looks of the host at the losses
_ON_THE_BAR = ("loss", "l1", "gan_generator", "softmax", "accuracy")


def train_epoch(
    trainer: Trainer,
    batches: Iterator[tuple[tf.Tensor, ...]],
    steps: range,
    batch_size: int,
    summaries: Summaries,
    name: str,
) -> dict[str, float]:
    """Trains for one epoch.

    Args:
      trainer: what is trained.
      batches: what a training step takes (see `Trainer.forward`), at least as many as steps.
      steps: their numbers in the whole run, counted from 1.
      batch_size: images a step.
      summaries: to write curves to.
      name: of the progress bar.
    Returns:
      The mean of every metric.

    Raises:
      UserError: at a loss that is not finite, naming the step and the terms.
    """
    history: list[dict[str, float]] = []
    pending: list[Metrics] = []
    started = time.perf_counter()
    with progress.bar(total=len(steps) * batch_size, desc=name, unit="img", leave=False) as bar:
        for done, step in enumerate(steps, start=1):
            pending.append(trainer.step(*next(batches)))
            bar.update(batch_size)
            if done % _LOOK_EVERY == 0 or done == len(steps):
                history += _fetch(pending, step - len(pending) + 1)
                pending.clear()
                latest = history[-1]
                bar.set_postfix({key: f"{latest[key]:.3g}" for key in _ON_THE_BAR if key in latest})
                rate = done * batch_size / (time.perf_counter() - started)
                entropy = latest.get("softmax_generated", latest["softmax"])  # comparable with validation's
                summaries.scalars("train", {**latest, "cross_entropy": entropy, "images_per_second": rate}, step)
    return {key: float(np.mean([line[key] for line in history])) for key in history[0]}


def _fetch(pending: list[Metrics], first_step: int) -> list[dict[str, float]]:
    """Brings metrics to the host."""
    lines = [{key: float(value) for key, value in line.items()} for line in pending]
    for step, line in enumerate(lines, start=first_step):
        bad = [f"{key}={value}" for key, value in line.items() if not np.isfinite(value)]
        if bad:
            raise UserError(
                f"step {step}: {', '.join(bad)} is not finite. The last checkpoint is intact; train "
                f"into a new --workdir with a smaller --learning_rate, or without --mixed_precision"
            )
    return lines
