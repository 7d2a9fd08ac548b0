"""What leaves training: G and E as one model, bytes in, average face and probabilities out."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import keras
from keras import layers, ops

from ifgan_tf.config import Config
from ifgan_tf.models.networks import load_networks


@keras.saving.register_keras_serializable(package="ifgan_tf")
class ToUnit(keras.layers.Layer):
    """RGB 0..255 → [-1, 1], float32."""

    def call(self, x: Any) -> Any:
        return ops.cast(x, "float32") / 127.5 - 1.0


@keras.saving.register_keras_serializable(package="ifgan_tf")
class ToBytes(keras.layers.Layer):
    """RGB in [-1, 1] → uint8 0..255, rounded to the nearest."""

    def call(self, x: Any) -> Any:
        return ops.cast(ops.clip(ops.round((ops.cast(x, "float32") + 1.0) * 127.5), 0.0, 255.0), "uint8")

    def compute_output_spec(self, x: Any) -> keras.KerasTensor:
        return keras.KerasTensor(x.shape, dtype="uint8")


def build_inference(config: Config, generator: keras.Model | None, classifier: keras.Model) -> keras.Model:
    """G and E as one functional model.

    Args:
      config: of the run; `classifier_input` decides what E is shown.
      generator: G, or None for `classifier_input=input`.
      classifier: E.

    Returns:
      A model: RGB photo, uint8 or float [B, S, S, 3] in 0..255 →
      `{"average_face": uint8 [B, S, S, 3], "probabilities": float32 [B, classes]}`; without a generator there is no
      `average_face`.
    """
    size = config.data.image_size
    image = keras.Input((size, size, 3), name="image")
    photo = ToUnit(name="to_unit")(image)
    outputs = {}
    if generator is not None:
        face = generator(photo)
        outputs["average_face"] = ToBytes(name="average_face")(face)
    else:
        face = None
    logits = classifier(classifier_images(config, photo, face))["logits"]
    outputs["probabilities"] = layers.Softmax(dtype="float32", name="probabilities")(logits)
    return keras.Model(image, outputs, name="ifgan")


def load_inference(config: Config, checkpoint: Path) -> keras.Model:
    """G and E of a checkpoint as one model (see `build_inference`), computing in float32.

    A run in mixed precision keeps float32 weights, so nothing is lost.

    Raises:
      UserError: see `load_networks`.
    """
    config = dataclasses.replace(config, run=dataclasses.replace(config.run, mixed_precision=False))
    networks = load_networks(config, checkpoint)
    return build_inference(config, networks.generator, networks.classifier)


def classifier_images(config: Config, photo: Any, face: Any) -> Any:
    """What E sees of a photo and an average face, both [B, S, S, 3] in [-1, 1], under `classifier_input`."""
    if config.model.classifier_input == "pair":
        return ops.concatenate([photo, ops.cast(face, photo.dtype)], axis=-1)
    return photo if config.model.classifier_input == "input" else face
