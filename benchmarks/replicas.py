"""The same training by one device, by two, and by two processes: how far apart they end, and how fast they are."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from absl import flags

from benchmarks.processes import machine
from ifgan_tf import cli, saved_weights
from ifgan_tf import config as config_lib
from ifgan_tf.config import Config
from ifgan_tf.run_folder import RunFolder

USAGE = """
Trains the configuration that the flags describe once on one device, once on two logical processors (mirrored) and once
in two processes on this machine (multi_worker), each of the two with half of the threads, and once more on one device
with the images of every batch in the opposite order. That last row is the yardstick: arithmetic that is the same but
for rounding. Prints how far the weights and the validation curve end from those of the first, and images/s.

    python -m benchmarks.replicas --flagfile=flags/demo.flags --batch_size=50 --epochs=4 --workdir=runs/replicas

--workdir keeps the runs; what is trained already is not trained again.
"""

ONE, REVERSED, MIRRORED, WORKERS = "one", "one, batches reversed", "mirrored, 2 devices", "multi_worker, 2 processes"
SIDES = (ONE, REVERSED, MIRRORED, WORKERS)


def train_here(side: str, config: Config, folder: Path) -> None:
    """Trains in this process, as `side` says."""
    import tensorflow as tf

    if side == MIRRORED:
        processor = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = side.split(",")[0]
    config = dataclasses.replace(config, run=dataclasses.replace(config.run, strategy=strategy))
    from ifgan_tf.training.loop import train

    with _reversed_batches() if side == REVERSED else contextlib.nullcontext():
        train(config, folder)


@contextlib.contextmanager
def _reversed_batches() -> Iterator[None]:
    import tensorflow as tf

    from ifgan_tf.data import input_pipeline

    as_they_are = input_pipeline.training_batches

    def other_order(*arguments: Any, **settings: Any) -> tf.data.Dataset:
        return as_they_are(*arguments, **settings).map(lambda *batch: tuple(tf.reverse(part, [0]) for part in batch))

    with mock.patch.object(input_pipeline, "training_batches", other_order):
        yield


def run_side(side: str, arguments: Sequence[str], folder: Path) -> int:
    """Trains in processes of their own; how many bytes went through the loopback device meanwhile."""
    command = [sys.executable, "-m", "benchmarks.replicas", *arguments, f"--side={side}", f"--run={folder}"]
    before, environments = _loopback_bytes(), [dict(os.environ)]
    if side == WORKERS:
        threads = {"TF_NUM_INTRAOP_THREADS": str(max(1, len(os.sched_getaffinity(0)) // 2))}
        environments = [{**os.environ, **threads, "TF_CONFIG": told} for told in cluster(2)]
    started = [subprocess.Popen(command, env=environment) for environment in environments]
    codes = [process.wait() for process in started]
    if any(codes):
        raise SystemExit(f"{side}: training failed, see above")
    return _loopback_bytes() - before


def cluster(workers: int) -> list[str]:
    """TF_CONFIG of each of some workers on this machine."""
    with contextlib.ExitStack() as held:
        free = [held.enter_context(socket.socket()) for _ in range(workers)]
        for one in free:
            one.bind(("127.0.0.1", 0))
        addresses = [f"127.0.0.1:{one.getsockname()[1]}" for one in free]
    tasks = [{"type": "worker", "index": index} for index in range(workers)]
    return [json.dumps({"cluster": {"worker": addresses}, "task": task}) for task in tasks]


def _loopback_bytes() -> int:
    lines = [line.split() for line in Path("/proc/net/dev").read_text(encoding="ascii").splitlines()]
    return sum(int(words[1]) for words in lines if words[0] == "lo:")


def weights(folder: Path) -> np.ndarray:
    """All weights of G, D and E at the end of a run, moving statistics included, as one vector."""
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(saved_weights.latest(folder / "checkpoints" / "last")))
    names = sorted(reader.get_variable_to_shape_map())
    own = [name for name in names if name.startswith(("generator/", "discriminator/", "classifier/"))]
    kept = [reader.get_tensor(name) for name in own if ".OPTIMIZER_SLOT" not in name]
    return np.concatenate([value.ravel() for value in kept if value.dtype == np.float32])


def difference(folder: Path, other: Path) -> dict[str, float]:
    """How far a run ends from another: of any weight, of all, and of the validation curve."""
    mine, theirs = weights(folder), weights(other)
    curves = [[line["validation"] for line in RunFolder(path).metrics()] for path in (folder, other)]
    apart = {
        name: max(abs(a[name] - b[name]) for a, b in zip(*curves, strict=True))
        for name in ("accuracy", "cross_entropy")
    }
    return {
        "weight": float(np.abs(mine - theirs).max()),
        "weights": float(np.linalg.norm(mine - theirs) / np.linalg.norm(theirs)),
        **apart,
    }


def rate(folder: Path) -> float:
    """Images a second in the fastest epoch: what a run can do when nothing else runs on the machine."""
    return max(line["images_per_second"] for line in RunFolder(folder).metrics())


def main(arguments: Sequence[str]) -> None:
    cli.only_flags(arguments)
    values = flags.FLAGS
    config = config_lib.from_flags(values, fold=0)
    if values.side:
        train_here(values.side, config, Path(values.run))
        return
    cli.required("workdir")
    folders = {side: Path(values.workdir) / side.replace(", ", "_").replace(" ", "_") for side in SIDES}
    sent = {side: run_side(side, sys.argv[1:], folder) for side, folder in folders.items()}
    first = RunFolder(folders[ONE]).metrics()
    print(f"{machine()}; {first[-1]['step']} steps of {config.optimizer.batch_size} images")
    print("| trained by | any weight, at most | all weights, relative | accuracy, points | cross-entropy | images/s |")
    print("|---|---|---|---|---|---|")
    for side, folder in folders.items():
        apart = difference(folder, folders[ONE])
        print(
            f"| {side} | {apart['weight']:.2g} | {apart['weights']:.2g} | {100 * apart['accuracy']:.2g} | "
            f"{apart['cross_entropy']:.2g} | {rate(folder):.1f} |"
        )
    if sent[WORKERS]:
        print(f"{WORKERS}: {sent[WORKERS] / first[-1]['step'] / 1e6:.1f} MB a step through the loopback device")


if __name__ == "__main__":
    config_lib.define_flags()
    flags.DEFINE_string("workdir", None, "Folder of the runs.")
    flags.DEFINE_enum("side", None, list(SIDES), "Train this row alone, in this process.")
    flags.DEFINE_string("run", None, "The run folder of --side.")
    cli.run(main, USAGE)
