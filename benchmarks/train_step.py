"""The training step in images a second, against PyTorch; time until the first step; peak memory."""

from __future__ import annotations

import importlib.util
import json
import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from absl import flags

from benchmarks.processes import (
    described_networks,
    machine,
    measure,
    new_trainer,
    peak_memory,
    refuse_what_torch_lacks,
)
from ifgan_tf import cli
from ifgan_tf import config as config_lib
from ifgan_tf.config import Config

USAGE = """
Prints images/s of the step that the flags describe (defaults: the paper's), seconds until the first step is done, and
peak memory; and the same of PyTorch (benchmarks/train_step_torch.py) where it is installed. The two take turns, each
turn a process of its own; the figures are medians over all steps. The fastest steps stand beside them: they say what
either can do when nothing else runs on the machine.

    python -m benchmarks.train_step --batch_size=4
    python -m benchmarks.train_step --flagfile=flags/demo.flags \\
        --nogenerator_span --generator_encoder=unet --lambda_real=1 --steps=40

Weights are new and images random: time does not depend on what they show. Exits with 1 if PyTorch is faster.
"""

SIDES = {"ifgan_tf": "TensorFlow", "torch": "PyTorch"}
WARM_UP = 2


def data(config: Config) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images uint8 [B, S, S, 3], labels int32 [B] and average faces float32 [classes, S, S, 3] in [-1, 1]."""
    generator = np.random.default_rng(0)
    size, classes, batch = config.data.image_size, len(config.data.class_names), config.optimizer.batch_size
    images = generator.integers(0, 256, (batch, size, size, 3), dtype=np.uint8)
    average_faces = generator.uniform(-1, 1, (classes, size, size, 3)).astype(np.float32)
    return images, np.arange(batch, dtype=np.int32) % classes, average_faces


def one_turn(side: str, config: Config, steps: int) -> dict[str, Any]:
    """Takes steps in this process.

    Returns:
      `seconds` of every step after the warm-up; `first_step` (trace, compilation and the step), `trace`; `operations`
      in TensorFlow's graph; `memory` in GB: the peak, and `memory_before` the first step.
    """
    if side == "torch":
        step, trace, operations = _torch_step(config), 0.0, 0
    else:
        step, trace, operations = _tensorflow_step(config)
    before = peak_memory()
    seconds = []
    for _ in range(1 + WARM_UP + steps):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return {
        "seconds": seconds[1 + WARM_UP :],
        "trace": trace,
        "operations": operations,
        "first_step": trace + seconds[0],
        "memory_before": before,
        "memory": peak_memory(),
    }


def _tensorflow_step(config: Config) -> tuple[Any, float, int]:
    import tensorflow as tf

    images, labels, average_faces = (tf.constant(array) for array in data(config))
    trainer = new_trainer(config, average_faces)
    start = time.perf_counter()
    traced = trainer.step.get_concrete_function(images, labels)  # type: ignore[attr-defined]
    trace = time.perf_counter() - start
    graph = traced.graph.as_graph_def()
    operations = len(graph.node) + sum(len(function.node_def) for function in graph.library.function)
    return lambda: float(trainer.step(images, labels)["loss"]), trace, operations


def _torch_step(config: Config) -> Any:
    import torch

    from benchmarks.train_step_torch import TorchTrainer

    images, labels, average_faces = (torch.from_numpy(array) for array in data(config))
    trainer = TorchTrainer(config, average_faces.permute(0, 3, 1, 2))
    labels = labels.long()
    return lambda: trainer(images, labels)


def compare(arguments: Sequence[str], batch_size: int, turns: int) -> dict[str, dict[str, float]]:
    """Lets the sides take turns; returns medians by side.

    Args:
      arguments: flags that describe the configuration.
      batch_size: of it.
      turns: of each side.
    """
    sides = [side for side in SIDES if side != "torch" or importlib.util.find_spec("torch")]
    results: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for _ in range(turns):
        for side in sides:
            results[side].append(measure("benchmarks.train_step", *arguments, f"--side={side}"))
    return {
        side: {
            "images_per_second": batch_size / statistics.median(s for turn in all_turns for s in turn["seconds"]),
            "fastest": batch_size / min(s for turn in all_turns for s in turn["seconds"]),
            **{
                name: statistics.median(turn[name] for turn in all_turns)
                for name in ("trace", "first_step", "memory_before", "memory")
            },
        }
        for side, all_turns in results.items()
    }


def main(arguments: Sequence[str]) -> int:
    cli.only_flags(arguments)
    values = flags.FLAGS
    config = described_networks()
    if values.side:
        print(json.dumps(one_turn(values.side, config, values.steps)))
        return 0
    refuse_what_torch_lacks(config)
    batch = config.optimizer.batch_size
    results = compare(sys.argv[1:], batch, values.turns)
    print(machine("torch"))
    for side, figures in results.items():
        print(
            f"{SIDES[side]:10} {figures['images_per_second']:7.2f} images/s (fastest step {figures['fastest']:.2f}), "
            f"first step after {figures['first_step']:5.1f} s (trace {figures['trace']:4.1f} s), "
            f"peak {figures['memory']:5.2f} GB ({figures['memory_before']:4.2f} before the first step)"
        )
    if "torch" not in results:
        print("PyTorch is not installed: no ratio (pip install 'ifgan_tf[benchmark]')")
        return 0
    ratios = {name: results["ifgan_tf"][name] / results["torch"][name] for name in ("images_per_second", "fastest")}
    print(f"ratio {ratios['images_per_second']:.2f} (limit 1); of the fastest steps {ratios['fastest']:.2f}")
    return 0 if ratios["images_per_second"] >= 1 else 1


if __name__ == "__main__":
    config_lib.define_flags()
    flags.DEFINE_enum("side", None, list(SIDES), "Measure this side alone, in this process, and print JSON.")
    flags.DEFINE_integer("steps", 5, "Steps a turn, after a warm-up.", 1)
    flags.DEFINE_integer("turns", 3, "Turns of each side.", 1)
    cli.run(main, USAGE)
