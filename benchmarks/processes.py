"""What measurements share: what they measure, where, and a process of its own for those that must inherit nothing."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import os
import platform
import resource
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from absl import flags

from ifgan_tf import config as config_lib
from ifgan_tf.config import Config
from ifgan_tf.errors import UserError

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from ifgan_tf.models.networks import Networks
    from ifgan_tf.training.step import Trainer


def measure(module: str, *arguments: str, devices: bool = False) -> dict[str, Any]:
    """Runs `python -m MODULE ARGUMENTS` and reads the JSON in its last line.

    Args:
      module, arguments: of the command.
      devices: let it see the GPUs that there are; by default it has the CPU alone.

    Raises:
      subprocess.CalledProcessError: when it fails.
    """
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "1"}
    if not devices:
        environment["CUDA_VISIBLE_DEVICES"] = "-1"
    command = [sys.executable, "-W", "ignore", "-m", module, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, env={**os.environ, **environment})
    return json.loads(done.stdout.splitlines()[-1])


def start_worker() -> None:
    """Prepares a worker process of a pool: no GPU, and one thread, as there is a worker for every processor."""
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import cv2
    import tensorflow as tf

    cv2.setNumThreads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)


def described_networks() -> Config:
    """The configuration that the flags describe, with new weights: time does not depend on what they have learnt."""
    config = config_lib.from_flags(flags.FLAGS, fold=0)
    return dataclasses.replace(config, model=config_lib.without_initial_weights(config.model))


def refuse_what_torch_lacks(config: Config) -> None:
    """Sees that `benchmarks.train_step_torch` has the networks and the loss of a configuration.

    Raises:
      UserError: naming the flags to pass.
    """
    model, loss = config.model, config.loss
    networks = (model.generator_span, model.generator_convolutions, model.generator_encoder, model.targets)
    if (
        networks != (False, 1, "unet", "label")
        or (loss.lambda_real, loss.island_reduction, loss.class_weights, loss.label_smoothing) != (1, "mean", False, 0)
        or model.standardise_colours
        or model.classifier_input == "input"
        or model.backbone not in ("ResNet101", "SmallCNN")
    ):
        raise UserError(
            "the PyTorch side has the paper's G and losses, and ResNet101 and SmallCNN for E; pass --nogenerator_span "
            "--generator_convolutions=1 --generator_encoder=unet --targets=label --lambda_real=1 "
            "--island_reduction=mean --noclass_weights --label_smoothing=0 --nostandardise_colours "
            "--classifier_input=pair"
        )


def new_networks(config: Config) -> Networks:
    """The networks of a configuration."""
    from ifgan_tf.models.networks import build_networks

    data, run = config.data, config.run
    return build_networks(config.model, data.image_size, len(data.class_names), run.seed, run.precision)


def new_inference(config: Config) -> keras.Model:
    """G and E of a configuration as one model."""
    from ifgan_tf.models.inference import build_inference

    networks = new_networks(config)
    return build_inference(config.model.classifier_input, networks.generator, networks.classifier)


def new_trainer(config: Config, average_faces: tf.Tensor) -> Trainer:
    """What trains a configuration; `average_faces` are float32 [classes, S, S, 3] in [-1, 1]."""
    from ifgan_tf.training.step import Trainer

    model, run = config.model, config.run
    return Trainer(
        new_networks(config),
        average_faces,
        model.classifier_input,
        config.loss,
        config.optimizer,
        steps_per_epoch=1000,
        jit_compile=run.jit_compile,
        recompute=run.recompute,
    )


def peak_memory() -> float:
    """Gigabytes that this process has needed at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def machine(*packages: str) -> str:
    """Processor, cores, memory, and versions of what was measured."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = []
    for package in ("tensorflow", "keras", *packages):
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"{package} not installed")
    return f"{platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GB; {', '.join(versions)}"
