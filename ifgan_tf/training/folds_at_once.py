"""Several folds at once, each in a process of its own with a device to itself: the folds have nothing to say to one
another, so nothing scales better."""

from __future__ import annotations

import concurrent.futures
import logging
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence

from ifgan_tf import cli
from ifgan_tf.errors import UserError


def train_folds(command: Sequence[str], folds: Sequence[int], at_once: int) -> None:
    """Runs a command once a fold, with `--folds=…` behind it, and passes on what the processes say.

    A fold that fails does not stop the others.

    Args:
      command: that trains, of Python: a script and its flags.
      folds: to train.
      at_once: processes at a time: each has a GPU to itself, or without one its share of the processors.

    Raises:
      UserError: when there are fewer GPUs than processes, or naming the folds that failed.
      SystemExit: when the folds were stopped from outside, as by Ctrl-C or SIGTERM; they are stopped, too.
    """
    free: queue.Queue[Mapping[str, str]] = queue.Queue()
    for device in _devices(at_once):
        free.put(device)
    running: dict[int, subprocess.Popen[str]] = {}
    stopping = threading.Event()

    def train(fold: int) -> int:
        device = free.get()
        try:
            arguments = [sys.executable, *command, f"--folds={fold}"]
            # In a session of its own: Ctrl-C at a terminal would reach it beside our signal, and two mean "at once".
            running[fold] = process = subprocess.Popen(
                arguments,
                env={**os.environ, **device},
                stderr=subprocess.PIPE,
                text=True,
                errors="backslashreplace",
                start_new_session=True,
            )
            if stopping.is_set():
                process.terminate()
            assert process.stderr is not None
            for line in process.stderr:
                logging.info("fold %d: %s", fold, line.rstrip())
            return process.wait()
        finally:
            free.put(device)

    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        codes = dict(zip(folds, _watched(pool, train, folds, running, stopping), strict=True))
    if stopped := [code for code in codes.values() if code in (cli.INTERRUPTED, cli.TERMINATED)]:
        sys.exit(stopped[0])
    if failed := [str(fold) for fold, code in codes.items() if code]:
        raise UserError(f"--folds={','.join(failed)}: not finished, see above; mend that and repeat the command")


def _watched(
    pool: concurrent.futures.ThreadPoolExecutor,
    train: Callable[[int], int],
    folds: Sequence[int],
    running: Mapping[int, subprocess.Popen[str]],
    stopping: threading.Event,
) -> Iterator[int]:
    """The exit codes; who is stopped meanwhile stops all."""
    futures = [pool.submit(train, fold) for fold in folds]
    try:
        for future in futures:
            yield future.result()
    except BaseException:
        stopping.set()
        for future in futures:
            future.cancel()
        for process in list(running.values()):
            process.terminate()
        raise


def _devices(count: int) -> list[dict[str, str]]:
    """What tells each of `count` processes its device: environment variables."""
    import tensorflow as tf

    if gpus := tf.config.list_physical_devices("GPU"):
        if len(gpus) < count:
            raise UserError(f"--folds_at_once={count}: there are {len(gpus)} GPUs; expected no more than that")
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
        names = visible.split(",") if visible else [str(number) for number in range(len(gpus))]
        return [{"CUDA_VISIBLE_DEVICES": name} for name in names[:count]]
    threads = max(1, len(os.sched_getaffinity(0)) // count)
    return [{"TF_NUM_INTRAOP_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}] * count
