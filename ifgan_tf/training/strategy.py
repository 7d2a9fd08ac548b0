"""Which devices train together, and what each of them gets of a batch (`tf.distribute`)."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from ifgan_tf import replicas
from ifgan_tf.errors import UserError, reason

_CHIEF = ("chief", "master")


@functools.cache
def strategy_of(name: str) -> tf.distribute.Strategy:
    """The strategy of a run, one a process. `multi_worker` must be asked for before TensorFlow does anything else.

    Where there is one device in all, it is TensorFlow's default: the others want several.

    Args:
      name: `one`, `mirrored` or `multi_worker`, as in `RunConfig`. Without a GPU the logical processors count.

    Raises:
      UserError: for `multi_worker` without a TF_CONFIG that names the workers.
    """
    strategy = tf.distribute.get_strategy()
    if name == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        if len(devices) > 1:
            strategy = tf.distribute.MirroredStrategy([device.name for device in devices])
    if name == "multi_worker":
        _check_cluster()
        try:
            with _ended_by_ctrl_c():  # while it waits for the others
                strategy = tf.distribute.MultiWorkerMirroredStrategy()
        except tf.errors.OpError as error:
            raise UserError(
                f"--strategy=multi_worker: the workers of TF_CONFIG do not find one another ({error.message}); start "
                f"the same command on each of them, each with its own task in TF_CONFIG"
            ) from None
    return strategy if strategy.num_replicas_in_sync > 1 else tf.distribute.get_strategy()


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process is the one that writes: the only one, the chief, or the first worker where there is none."""
    resolver = strategy.cluster_resolver
    if is_alone(strategy) or resolver.task_type in _CHIEF:
        return True
    return not set(_CHIEF) & set(resolver.cluster_spec().jobs) and resolver.task_id == 0


def is_alone(strategy: tf.distribute.Strategy) -> bool:
    """Whether all replicas are of this process."""
    resolver = strategy.cluster_resolver
    return resolver is None or sum(map(len, resolver.cluster_spec().as_dict().values())) < 2


def refuse_what_cannot_be_shared(batch_size: int, parts: int, jit_compile: bool) -> None:
    """Sees that every replica gets as many images of a batch, and of its parts, as the others.

    Raises:
      UserError: when the batch cannot be dealt out so, or the step of several replicas is to be compiled as one.
    """
    count = replicas.count()
    if jit_compile and count > 1:
        raise UserError(
            f"--jit_compile: {count} devices cannot be compiled as one; leave it out, or pass --strategy=one"
        )
    if batch_size % (count * parts):
        among = f"{count} devices" + (f" times --gradient_accumulation={parts}" if parts > 1 else "")
        raise UserError(f"--batch_size={batch_size}: cannot be shared out evenly among {among}; pass a multiple")


def batches(dataset_of: Callable[[tuple[int, int]], tf.data.Dataset]) -> Iterator[Any]:
    """What every call of the training step takes, from one data set a replica of this process.

    Args:
      dataset_of: (k, n) → the k-th of n equal parts of every batch.
    """
    strategy = tf.distribute.get_strategy()
    count = strategy.num_replicas_in_sync
    if count == 1:
        yield from dataset_of((0, 1))
        return
    own: dict[int, Iterator[Any]] = {}

    def part(context: Any) -> Any:
        number = int(context.replica_id_in_sync_group)
        if number not in own:
            own[number] = iter(dataset_of((number, count)))
        return next(own[number])

    while True:
        try:
            batch = strategy.experimental_distribute_values_from_function(part)
        except StopIteration:
            return
        yield batch


def anyone(flag: bool) -> bool:
    """Whether `flag` is true in any of the processes, which all ask at the same moment."""
    return flag if is_alone(tf.distribute.get_strategy()) else _total(float(flag)) > 0


def wait_for_all() -> None:
    """Waits until all processes are here."""
    anyone(False)


def agree_on(number: int, what: str) -> None:
    """Sees that all processes, which call this at the same moment, have the same number.

    Raises:
      UserError: when they have not.
    """
    if is_alone(tf.distribute.get_strategy()):
        return
    if (mean := _total(float(number)) / replicas.count()) != number:
        raise UserError(
            f"--workdir: this worker finds {what} {number} there, and the workers have {mean:g} on average; expected a "
            f"folder that all of them see"
        )


@contextlib.contextmanager
def told_of_lost_workers() -> Iterator[None]:
    """Makes what TensorFlow says when another worker is gone a `UserError`."""
    try:
        yield
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError) as error:
        if is_alone(tf.distribute.get_strategy()):
            raise
        raise UserError(
            f"--strategy=multi_worker: another worker has ended or cannot be reached ({reason(error)}); start all of "
            f"them again: they go on from the last checkpoint"
        ) from error


@functools.cache
def _summed() -> Callable[[tf.Tensor], tf.Tensor]:
    def total(value: tf.Tensor) -> tf.Tensor:
        return replicas.total(tf.identity(value))  # on this replica's device: an argument is on none

    return tf.function(lambda value: replicas.run(total, value))


def _total(value: float) -> float:
    return float(_summed()(tf.constant(value, tf.float64)))


@contextlib.contextmanager
def _ended_by_ctrl_c() -> Iterator[None]:
    """Lets Ctrl-C end the process: TensorFlow waits where no handler of Python's runs. It keeps SIGTERM for itself."""
    handler = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def _check_cluster() -> None:
    told = os.environ.get("TF_CONFIG", "")
    try:
        asked = json.loads(told or "{}")
        jobs, task = asked["cluster"], asked["task"]
        if jobs.keys() <= {*_CHIEF, "worker"} and 0 <= int(task["index"]) < len(jobs[task["type"]]):
            return
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    example = '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker", "index": 0}}'
    raise UserError(
        f"--strategy=multi_worker: TF_CONFIG={told or '(not set)'}: expected the workers and which of them this is, as "
        f"in {example}, with another index on each; or pass --strategy=mirrored for the GPUs of one machine"
    )
