"""The networks of a run, built from its configuration and restored from its checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import keras
import tensorflow as tf

from ifgan_tf import saved_weights
from ifgan_tf.config import ModelConfig, without_initial_weights
from ifgan_tf.errors import UserError, reason
from ifgan_tf.models.classifier import build_classifier
from ifgan_tf.models.construction import FLOAT32, drawn_from
from ifgan_tf.models.discriminator import build_discriminator
from ifgan_tf.models.generator import build_generator

# What TensorFlow raises on a checkpoint of other networks, or one that is cut short.
NOT_RESTORED = (AssertionError, LookupError, RuntimeError, ValueError, tf.errors.OpError)


class Networks(NamedTuple):
    """G, D and E. G and D are None for the baseline (`classifier_input=input`)."""

    generator: keras.Model | None
    discriminator: keras.Model | None
    classifier: keras.Model


def build_networks(model: ModelConfig, size: int, classes: int, seed: int, precision: str = FLOAT32) -> Networks:
    """New networks.

    Args:
      model: their settings.
      size: S, side of the images they see.
      classes: of expressions.
      seed: of initial weights.
      precision: see `ifgan_tf.models.construction`.
    """
    with drawn_from(seed, precision):
        classifier = build_classifier(model, size, classes)
        if model.classifier_input == "input":
            return Networks(None, None, classifier)
        return Networks(build_generator(model, size, classes), build_discriminator(model, size), classifier)


def trackables(networks: Networks) -> dict[str, keras.Model]:
    """The networks that exist, under the names that checkpoints use."""
    return {name: model for name, model in networks._asdict().items() if model is not None}


def load_networks(model: ModelConfig, size: int, classes: int, checkpoint: Path, precision: str = FLOAT32) -> Networks:
    """The networks of a run, with the weights of one of its checkpoints.

    Args:
      model, size, classes, precision: see `build_networks`. Weights are float32 in every precision.
      checkpoint: folder of a `tf.train.CheckpointManager`, such as `checkpoints/best`.

    Raises:
      UserError: when the checkpoint is missing or belongs to another configuration.
    """
    missing = UserError(f"{checkpoint}: no such checkpoint; train the run first (train.py --workdir=…)")
    if saved_weights.latest(checkpoint) is None:
        raise missing
    networks = build_networks(without_initial_weights(model), size, classes, 0, precision)
    state = tf.train.Checkpoint(**trackables(networks))

    def restored(latest: Path) -> Networks:
        state.restore(str(latest)).expect_partial().assert_existing_objects_matched()
        return networks

    try:
        found = saved_weights.read_latest(checkpoint, restored, NOT_RESTORED)
    except NOT_RESTORED as error:
        raise UserError(f"{checkpoint}: damaged, or does not fit the run's config.json ({reason(error)})") from None
    if found is None:
        raise missing
    return found
