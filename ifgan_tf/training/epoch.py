"""One epoch of training, watched: its progress, its curves, and a stop at a loss that is no number."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from ifgan_tf import progress
from ifgan_tf.errors import UserError, reason
from ifgan_tf.training.not_finite import NotFiniteError
from ifgan_tf.training.so_far import SoFar
from ifgan_tf.training.step import Metrics, Trainer
from ifgan_tf.training.summaries import Summaries

_LOOK_EVERY = 20  # steps between two looks of the host at the losses
_ON_THE_BAR = ("loss", "l1", "gan_generator", "softmax", "accuracy")


def train_epoch(
    trainer: Trainer,
    batches: Iterator[tuple[tf.Tensor, ...]],
    steps: range,
    batch_size: int,
    so_far: SoFar,
    summaries: Summaries,
    pause_due: Callable[[], bool],
    pause: Callable[[], None],
    ask_every: int,
    steps_per_call: int,
    name: str,
) -> None:
    """Takes the steps of an epoch that have not been taken.

    Args:
      trainer: what is trained.
      batches: what a training step takes (see `Trainer.forward`), from the first of these steps on.
      steps: the numbers of all steps of the epoch in the whole run, counted from 1.
      batch_size: images a step.
      so_far: gathers their metrics.
      summaries: to write curves to.
      pause_due: asked between two steps whether to `pause`.
      pause: called between two steps, when all that was done until then is in `trainer` and `so_far`.
      ask_every: steps from one question to the next.
      steps_per_call: steps that TensorFlow takes in one call; those left over at the end of the epoch take one each.
      name: of the progress bar.

    Raises:
      NotFiniteError: at a loss that is not finite, naming the step and the terms.
      UserError: when a batch cannot be read.
    """
    pending: list[Metrics] = []
    since = time.perf_counter()
    total, done = len(steps) * batch_size, so_far.taken
    with progress.bar(total=total, initial=done * batch_size, desc=name, unit="img", leave=False) as bar:
        while done < len(steps):
            before, done = done, done + (steps_per_call if done + steps_per_call <= len(steps) else 1)
            taken = [next_batch(batches, step) for step in steps[before:done]]
            pending.append(trainer.several(*taken) if len(taken) > 1 else trainer.step(*taken[0]))
            bar.update(len(taken) * batch_size)
            step, last = steps[done - 1], done == len(steps)
            look = last or done // _LOOK_EVERY > before // _LOOK_EVERY
            pausing = not last and done // ask_every > before // ask_every and pause_due()
            if look or pausing:
                lines, now = _fetch(pending, steps[so_far.taken]), time.perf_counter()
                so_far.add(lines, now - since)
                since, latest = now, lines[-1]
                pending.clear()
            if look:
                bar.set_postfix({key: f"{latest[key]:.3g}" for key in _ON_THE_BAR if key in latest})
                rate = so_far.taken * batch_size / so_far.seconds
                entropy = latest.get("softmax_generated", latest["softmax"])  # comparable with validation's
                summaries.scalars("train", {**latest, "cross_entropy": entropy, "images_per_second": rate}, step)
            if pausing:
                pause()
                since = time.perf_counter()


def next_batch(batches: Iterator[tuple[tf.Tensor, ...]], step: int) -> tuple[tf.Tensor, ...]:
    """What step `step` takes.

    Raises:
      UserError: when it cannot be read.
    """
    try:
        return next(batches)
    except tf.errors.OpError as error:
        raise UserError(
            f"step {step}: its images could not be read ({reason(error)}). The last checkpoint is intact: mend the "
            f"data and repeat the command"
        ) from error


def _fetch(pending: list[Metrics], first_step: int) -> list[dict[str, float]]:
    """Brings metrics to the host, a line a step."""
    arrays = [{key: np.atleast_1d(value) for key, value in called.items()} for called in pending]
    lines = [
        dict(zip(called, map(float, values), strict=True))
        for called in arrays
        for values in zip(*called.values(), strict=True)
    ]
    for step, line in enumerate(lines, start=first_step):
        bad = [f"{key}={value}" for key, value in line.items() if not np.isfinite(value)]
        if bad:
            raise NotFiniteError(step, ", ".join(bad))
    return lines
