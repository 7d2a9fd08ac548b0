"""`train.py`, struck where and when one says: what benchmarks.soak lets happen to a training.

    python -m benchmarks.struck PLACE NUMBER WHAT DELAY FLAGS…

The NUMBER-th time that it comes to PLACE (start, step, checkpoint or validation), and DELAY seconds later, it happens.
WHAT is a signal by its number, `full` (no file may grow beyond a few kilobytes any more), or `nan` (a weight is no
number). FLAGS are those of train.py.
"""

from __future__ import annotations

import os
import resource
import runpy
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOM = 10_000  # bytes that a file may have on the disk that is full
_TRAIN = Path(__file__).parents[1] / "train.py"


def main() -> None:
    """Strikes as the command line says."""
    place, number, what, delay, *flags = sys.argv[1:]
    import tensorflow as tf

    from ifgan_tf.training import epoch, step, validation

    trainers: list[step.Trainer] = []
    built = step.Trainer.__init__

    def remembered(trainer: step.Trainer, *arguments: Any) -> None:
        built(trainer, *arguments)
        trainers.append(trainer)

    def strike() -> None:
        if what == "full":
            resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        elif what == "nan":
            weight = trainers[0].networks.classifier.trainable_variables[-1]
            weight.assign(tf.fill(weight.shape, float("nan")))
        elif float(delay):
            timer = threading.Timer(float(delay), os.kill, (os.getpid(), int(what)))
            timer.daemon = True
            timer.start()
        else:
            os.kill(os.getpid(), int(what))

    def after(count: int, function: Callable[..., Any]) -> Callable[..., Any]:
        left = [count]

        def counted(*arguments: Any, **named: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                strike()
            return function(*arguments, **named)

        return counted

    setattr(step.Trainer, "__init__", remembered)  # noqa: B010 (mypy forbids the assignment)
    if place == "start":
        strike()
    places: dict[str, tuple[Any, str]] = {
        "step": (epoch, "next_batch"),
        "checkpoint": (tf.train.CheckpointManager, "save"),
        "validation": (validation.Validation, "predict"),
    }
    if place in places:
        owner, name = places[place]
        setattr(owner, name, after(int(number), getattr(owner, name)))
    sys.argv = [str(_TRAIN), *flags]
    runpy.run_path(str(_TRAIN), run_name="__main__")


if __name__ == "__main__":
    main()
