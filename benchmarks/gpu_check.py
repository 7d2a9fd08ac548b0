"""Whether training does on the device at hand what it does elsewhere: steps, memory, speed, number formats, repeats."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import importlib.util
import json
import math
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from absl import flags

from benchmarks.processes import (
    described_networks,
    machine,
    measure,
    new_trainer,
    peak_memory,
    refuse_what_torch_lacks,
)
from benchmarks.train_step import WARM_UP, data
from ifgan_tf import cli
from ifgan_tf import config as config_lib
from ifgan_tf.config import Config
from ifgan_tf.errors import UserError

USAGE = """
Prints a line a check, each `ok` or `FAILED` with its figure; exits with 1 if any failed. Run it once on a new machine,
from the checkout, before a training of days:

    python -m benchmarks.gpu_check                                  every preset's step at its real size
    python -m benchmarks.gpu_check --small                          the same checks in minutes on a CPU
    python -m benchmarks.gpu_check --presets=raf_db --size=64 --batch_size=8

  devices          what TensorFlow sees, and that it takes memory as it needs it
  PRESETS NUMBERS  training steps of a preset (those whose steps are the same share a line) in float32, in bfloat16
                   (--mixed_precision) and compiled by XLA (--jit_compile): the loss must be finite. Images a second,
                   peak memory (of the device; without a GPU, of the process)
  TF32             the first loss with TensorFloat-32 and without: within 5 % of each other, equal without a GPU
  --deterministic  two processes take the same steps: every weight equal, bit for bit
  constants        what the step's graph and the input pipeline put on the device: nothing of the size of a data set
  PyTorch          the same step there, where it is installed

Weights are new and images random. Every check is a process of its own, for what it sets cannot be undone.
"""

FORMATS = {"float32": (), "bfloat16": ("--mixed_precision",), "XLA": ("--jit_compile",)}
SMALL = (
    *("--image_size=32", "--batch_size=4", "--backbone=SmallCNN", "--classifier_weights=none"),
    *("--generator_width=8", "--discriminator_width=8"),
)
PRESETS = Path("flags")
TF32_TOLERANCE = 0.05  # of the loss: ten bits of mantissa, in every one of a hundred layers without training
MAX_GRAPH_MEGABYTES = 1.0
_DETERMINED_STEPS = 3
_DATA_BYTES = 64 << 20  # of the imitated data set: far above what a batch takes


class Line(NamedTuple):
    """One check: its name, whether it passed, and its figure."""

    name: str
    passed: bool
    figure: str

    def __str__(self) -> str:
        return f"{'ok' if self.passed else 'FAILED':6}  {self.name:46}  {self.figure}"


# --- In the parent ----------------------------------------------------------------------------------------------


def presets(names: Sequence[str]) -> dict[str, list[str]]:
    """Presets by what their training step is: the first one's name → all that share its step.

    Args:
      names: of files in flags/, without suffix; all that training is started with if there are none.

    Raises:
      UserError: for a name that is no preset.
    """
    texts = {file.stem: file.read_text(encoding="utf-8") for file in sorted(PRESETS.glob("*.flags"))}
    if unknown := sorted(set(names) - set(texts)):
        raise UserError(f"--presets={','.join(unknown)}: expected some of {', '.join(texts)}, in the checkout's folder")
    parts = {name for name in texts if any(f"\n{_flagfile(name)}\n" in text for text in texts.values())}
    chosen = names or [name for name in texts if name not in parts]
    groups: dict[str, list[str]] = {}
    for name in chosen:
        groups.setdefault(_step_of(_config(name)), []).append(name)
    return {same[0]: same for same in groups.values()}


def _config(preset: str) -> Config:
    values = copy.deepcopy(flags.FLAGS)
    values(["gpu_check", *cli.expanded([_flagfile(preset)])])
    return config_lib.from_flags(values, fold=0)


def _flagfile(preset: str) -> str:
    return f"--flagfile={PRESETS / preset}.flags"


def _step_of(config: Config) -> str:
    """What makes the step of a configuration, as text."""
    optimizer = dataclasses.replace(config.optimizer, epochs=1)
    classes, size = len(config.data.class_names), config.data.image_size
    return repr((classes, size, config_lib.without_initial_weights(config.model), config.loss, optimizer))


def checks(names: Sequence[str], sizes: Sequence[str], steps: int) -> Iterator[Line]:
    """All checks, one after the other.

    Args:
      names: of presets, see `presets`.
      sizes: flags that change every preset's sizes.
      steps: that are timed.
    """
    yield _line("devices", _told_devices, "--check=devices")
    groups = presets(names)
    rates: dict[str, float] = {}
    for first, same in groups.items():
        for name, flag in FORMATS.items():

            def told(answer: dict[str, Any], first: str = first, name: str = name) -> tuple[bool, str]:
                if name == "float32":
                    rates[first] = answer["images_per_second"]
                return _told_step(answer)

            arguments = ("--check=step", _flagfile(first), *sizes, *flag, f"--steps={steps}")
            yield _line(f"{', '.join(same)}: {name}", told, *arguments)
    preset = next(iter(groups))
    shared = (_flagfile(preset), *sizes, f"--steps={steps}")
    yield _line(f"{preset}: TF32", _told_tf32, "--check=tf32", *shared)
    yield _determined(preset, ("--check=digest", "--deterministic", *shared))
    yield _line(f"{preset}: constants", _told_constants, "--check=constants", *shared)
    yield _in_torch(preset, rates.get(preset), shared)


def _line(name: str, told: Callable[[dict[str, Any]], tuple[bool, str]], *arguments: str) -> Line:
    try:
        return Line(name, *told(_ask(*arguments)))
    except subprocess.CalledProcessError as error:
        return Line(name, False, f"its process ended with {error.returncode}; what it said is above")


def _ask(*arguments: str) -> dict[str, Any]:
    return measure("benchmarks.gpu_check", *arguments, devices=True)


def _told_devices(answer: dict[str, Any]) -> tuple[bool, str]:
    found = ", ".join(answer["devices"]) or "no GPU: all that follows is of the CPU"
    return answer["grows"], f"{found}{'' if answer['grows'] else '; memory growth is not set'}"


def _told_step(answer: dict[str, Any]) -> tuple[bool, str]:
    return math.isfinite(answer["loss"]), (
        f"loss {answer['loss']:.6g}, {answer['images_per_second']:.1f} images/s, first step after "
        f"{answer['first_step']:.1f} s, peak {answer['memory']:.2f} GB"
    )


def _told_tf32(answer: dict[str, Any]) -> tuple[bool, str]:
    on, off = answer["on"], answer["off"]
    difference = abs(on["loss"] - off["loss"]) / max(abs(off["loss"]), 1e-9)
    return difference <= (TF32_TOLERANCE if answer["gpu"] else 0.0), (
        f"loss differs by {difference:.2g} of itself; {on['images_per_second']:.1f} images/s with it, "
        f"{off['images_per_second']:.1f} without"
    )


def _determined(preset: str, arguments: Sequence[str]) -> Line:
    seen: list[str] = []

    def told(answer: dict[str, Any]) -> tuple[bool, str]:
        seen.append(answer["digest"])
        equal = len(set(seen)) == 1
        what = f"weights after {_DETERMINED_STEPS} steps of {len(seen)} processes"
        return equal, f"{what} {'are equal' if equal else 'DIFFER'} ({', '.join(digest[:12] for digest in seen)})"

    name = f"{preset}: --deterministic"
    first = _line(name, told, *arguments)
    return _line(name, told, *arguments) if first.passed else first


def _told_constants(answer: dict[str, Any]) -> tuple[bool, str]:
    graph, device, whole = answer["graph"], answer["device"], answer["data"]
    passed = graph < MAX_GRAPH_MEGABYTES and (device is None or device < whole / 2)
    pipeline = "no GPU" if device is None else f"{device:.1f} MB of a data set of {whole:.0f} MB are on the GPU"
    return passed, f"{graph:.2f} MB in the step's graph (limit {MAX_GRAPH_MEGABYTES:.0f}); {pipeline}"


def _in_torch(preset: str, ours: float | None, arguments: Sequence[str]) -> Line:
    name = f"{preset}: PyTorch"
    if not importlib.util.find_spec("torch"):
        return Line(name, True, "not installed: no ratio (pip install 'ifgan_tf[benchmark]')")

    def told(answer: dict[str, Any]) -> tuple[bool, str]:
        if "lacks" in answer:
            return True, f"no ratio: {answer['lacks']}"
        theirs = answer["images_per_second"]
        ratio = f", so ours is {ours / theirs:.2f} of it" if ours else ""
        return math.isfinite(answer["loss"]), f"{theirs:.1f} images/s, peak {answer['memory']:.2f} GB{ratio}"

    return _line(name, told, "--check=torch", *arguments)


# --- In a process of its own ------------------------------------------------------------------------------------


def devices(config: Config, steps: int) -> dict[str, Any]:
    """The GPUs by name, and whether each takes memory as it needs it."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus]
    return {"devices": names, "grows": all(tf.config.experimental.get_memory_growth(gpu) for gpu in gpus)}


def step(config: Config, steps: int) -> dict[str, Any]:
    """The first loss, images a second of the steps after it, seconds to the first step, and gigabytes at the peak."""
    import tensorflow as tf

    images, labels, average_faces = (tf.constant(array) for array in data(config))
    trainer = new_trainer(config, average_faces)
    return {**_timed(lambda: float(trainer.step(images, labels)["loss"]), config, steps), "memory": _peak()}


def tf32(config: Config, steps: int) -> dict[str, Any]:
    """`step` with TensorFloat-32 and without."""
    import tensorflow as tf

    answers: dict[str, Any] = {"gpu": bool(tf.config.list_physical_devices("GPU"))}
    for name, enabled in (("on", True), ("off", False)):
        tf.config.experimental.enable_tensor_float_32_execution(enabled)
        answers[name] = step(config, steps)
    return answers


def digest(config: Config, steps: int) -> dict[str, Any]:
    """A checksum of all weights after a few steps."""
    import tensorflow as tf

    from ifgan_tf.models.networks import trackables

    images, labels, average_faces = (tf.constant(array) for array in data(config))
    trainer = new_trainer(config, average_faces)
    for _ in range(_DETERMINED_STEPS):
        trainer.step(images, labels)
    checksum = hashlib.sha256()
    for network in trackables(trainer.networks).values():
        for weight in network.weights:
            checksum.update(weight.numpy().tobytes())
    return {"digest": checksum.hexdigest()}


def constants(config: Config, steps: int) -> dict[str, Any]:
    """Megabytes of constants in the step's graph; those that a batch of an imitated data set leaves on the GPU (None
    where there is none), and of that data set."""
    import numpy as np
    import tensorflow as tf

    from ifgan_tf.data.built_sets import Faces
    from ifgan_tf.data.input_pipeline import training_batches
    from ifgan_tf.data.pixels import Images
    from ifgan_tf.faces.geometry import working_size

    images, labels, average_faces = (tf.constant(array) for array in data(config))
    traced = new_trainer(config, average_faces).step.get_concrete_function(images, labels)  # type: ignore[attr-defined]
    graph = traced.graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    in_graph = sum(node.attr["value"].tensor.ByteSize() for node in nodes if node.op == "Const")

    side = working_size(config.data.image_size)
    count = max(config.optimizer.batch_size, _DATA_BYTES // (3 * side**2))
    each = np.array([str(number) for number in range(count)])
    zeros = np.zeros(count, np.int32)
    images_of_all = np.zeros((count, side, side, 3), np.uint8)
    faces = Faces(Images.of(images_of_all), zeros, each, each, each, zeros, zeros == 0, zeros)
    before = _on_gpu()
    batches = iter(training_batches(faces, zeros, config.data, config.optimizer.batch_size, range(1), 0))
    first = next(batches)
    after = _on_gpu()
    del first
    left = None if before is None or after is None else (after - before) / 1e6
    return {"graph": in_graph / 1e6, "device": left, "data": images_of_all.nbytes / 1e6}


def in_torch(config: Config, steps: int) -> dict[str, Any]:
    """`step` in PyTorch, on its GPU where it sees one; `lacks` says why not, where it has no such networks."""
    import torch

    try:
        refuse_what_torch_lacks(config)
    except UserError as error:
        return {"lacks": str(error)}
    from benchmarks.train_step_torch import TorchTrainer

    on_gpu = torch.cuda.is_available()
    device = torch.device("cuda" if on_gpu else "cpu")
    torch.set_default_device(device)
    images, labels, average_faces = (torch.from_numpy(array).to(device) for array in data(config))
    trainer, labels = TorchTrainer(config, average_faces.permute(0, 3, 1, 2)), labels.long()
    timed = _timed(lambda: trainer(images, labels), config, steps)
    return {**timed, "memory": torch.cuda.max_memory_allocated() / 2**30 if on_gpu else peak_memory()}


CHECKS = {
    "devices": devices,
    "step": step,
    "tf32": tf32,
    "digest": digest,
    "constants": constants,
    "torch": in_torch,
}


def _timed(take: Callable[[], float], config: Config, steps: int) -> dict[str, Any]:
    losses, seconds = [], []
    for _ in range(1 + WARM_UP + steps):
        start = time.perf_counter()
        losses.append(take())  # waits for the device: the loss is read
        seconds.append(time.perf_counter() - start)
    rate = config.optimizer.batch_size / statistics.median(seconds[1 + WARM_UP :])
    return {"loss": losses[0], "first_step": seconds[0], "images_per_second": rate}


def _peak() -> float:
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return tf.config.experimental.get_memory_info("GPU:0")["peak"] / 2**30
    return peak_memory()


def _on_gpu() -> int | None:
    """Bytes that TensorFlow holds on the GPU; None without one."""
    import tensorflow as tf

    if not tf.config.list_physical_devices("GPU"):
        return None
    return tf.config.experimental.get_memory_info("GPU:0")["current"]


def main(arguments: Sequence[str]) -> int:
    cli.only_flags(arguments)
    values = flags.FLAGS
    if values.check:
        config = described_networks()
        if values.check != "torch":
            from ifgan_tf.training.loop import prepare_devices

            prepare_devices(config.run)
        print(json.dumps(CHECKS[values.check](config, values.steps)))
        return 0
    sizes = [*(SMALL if values.small else ())]
    sizes += [f"--image_size={values.size}"] if values.size else []
    sizes += [f"--batch_size={values.batch_size}"] if values["batch_size"].present else []
    print(machine("torch"), flush=True)
    failed = 0
    for line in checks(values.presets, sizes, values.steps):
        print(line, flush=True)
        failed += not line.passed
    print(f"{failed} failed" if failed else "all passed")
    return 1 if failed else 0


if __name__ == "__main__":
    config_lib.define_flags()
    flags.DEFINE_enum("check", None, list(CHECKS), "Do this alone, in this process, and print JSON.")
    flags.DEFINE_list("presets", [], "Files in flags/, without suffix; by default all.")
    flags.DEFINE_integer("size", None, "Side of the images, in place of the presets' own.", 32)
    flags.DEFINE_bool("small", False, "Small networks, images and batches: minutes on a CPU.")
    flags.DEFINE_integer("steps", 5, "Steps that are timed, after a warm-up.", 1)
    cli.run(main, USAGE)
