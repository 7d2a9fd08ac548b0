"""What leaves training: G and E as one model, bytes in, average face and probabilities out."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops


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


def build_inference(
    classifier_input: str, generator: keras.Model | None, classifier: keras.Model, temperature: float = 1.0
) -> keras.Model:
    """G and E as one functional model.

    Args:
      classifier_input: what E is shown, as in `ModelConfig`.
      generator: G, or None for `classifier_input=input`.
      classifier: E.
      temperature: T of softmax(logits / T), see `ifgan_tf.training.calibration`; it changes no label.

    Returns:
      A model: RGB photo, uint8 or float [B, S, S, 3] in 0..255 →
      `{"average_face": uint8 [B, S, S, 3], "probabilities": float32 [B, classes]}`; without a generator there is no
      `average_face`.
    """
    size = classifier.input.shape[1]
    image = keras.Input((size, size, 3), name="image")
    photo = ToUnit(name="to_unit")(image)
    outputs = {}
    if generator is not None:
        face = generator(photo)
        outputs["average_face"] = ToBytes(name="average_face")(face)
    else:
        face = None
    logits = classifier(classifier_images(classifier_input, photo, face))["logits"]
    if temperature != 1.0:
        logits = layers.Rescaling(1.0 / temperature, dtype="float32", name="temperature")(logits)
    outputs["probabilities"] = layers.Softmax(dtype="float32", name="probabilities")(logits)
    return keras.Model(image, outputs, name="ifgan")


def classifier_images(classifier_input: str, photo: Any, face: Any) -> Any:
    """What E sees of a photo and an average face, both [B, S, S, 3] in [-1, 1], under `classifier_input`."""
    if classifier_input == "pair":
        return ops.concatenate([photo, ops.cast(face, photo.dtype)], axis=-1)
    return photo if classifier_input == "input" else face
