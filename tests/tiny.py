"""Configurations and run folders that cost next to nothing: 32 pixels, narrow networks from scratch, no training."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from from_config import networks_of

from ifgan_tf import config as config_lib
from ifgan_tf.config import Config
from ifgan_tf.data import folds
from ifgan_tf.data.images import encode_png
from ifgan_tf.run_folder import RunFolder

if TYPE_CHECKING:
    from ifgan_tf.models.networks import Networks

_TINY = {
    "image_size": 32,
    "classifier_input": "generated",
    "backbone": "SmallCNN",
    "classifier_weights": "none",
    "generator_width": 8,
    "discriminator_width": 8,
}


def tiny_config(**settings: Any) -> Config:
    """A configuration whose networks build in a second; `settings` are fields of any section, by name."""
    return changed(Config(), **{**_TINY, **settings})


def changed(config: Config, **settings: Any) -> Config:
    """The configuration with other values of some fields, which are found by name in whichever section has them."""
    sections = {}
    for section in dataclasses.fields(config):
        part = getattr(config, section.name)
        mine = {field.name for field in dataclasses.fields(part)} & settings.keys()
        sections[section.name] = dataclasses.replace(part, **{name: settings.pop(name) for name in mine})
    assert not settings, f"no section has {', '.join(settings)}"
    return Config(**sections)


def write_run(
    path: Path,
    config: Config,
    subjects: Sequence[str],
    average_face: Callable[[int], np.ndarray],
    checkpoints: Mapping[str, int],
    settled: bool = False,
) -> RunFolder:
    """A run folder of untrained networks, as training would have left it.

    Args:
      path: a folder, made if it is not there.
      config: of the run.
      subjects: split into folds.
      average_face: label → uint8 [256, 256, 3].
      checkpoints: "best" and "last", or one of them, and their epochs.
      settled: whether values that start at 0 or 1 are moved, so that it shows if they get lost.
    """
    import tensorflow as tf

    from ifgan_tf.models.networks import trackables

    run = RunFolder(path)
    run.average_faces_dir.mkdir(parents=True)
    config_lib.save(config, run.config_file)
    folds.save(folds.subject_fold(subjects, config.run.fold), run.folds_file)
    for label, name in enumerate(run.classes()):
        (run.average_faces_dir / f"{name}.png").write_bytes(encode_png(average_face(label)))
    networks = networks_of(config)
    if settled:
        _settle(networks)
    checkpoint = tf.train.Checkpoint(**trackables(networks))
    for which, epoch in checkpoints.items():
        tf.train.CheckpointManager(checkpoint, str(run.checkpoints_dir / which), 1).save(checkpoint_number=epoch)
    return run


def _settle(networks: Networks) -> None:
    """γ of attention, moving averages and biases."""
    from ifgan_tf.models.networks import trackables

    generator = np.random.default_rng(1)
    for model in trackables(networks).values():
        for weight in model.weights:
            if weight.path.endswith(("gamma", "bias", "beta", "moving_mean")):
                weight.assign(weight + generator.normal(0, 0.3, weight.shape))
            if weight.path.endswith("moving_variance"):
                weight.assign(generator.uniform(0.5, 2.0, weight.shape))
