"""The signatures of the SavedModel, from the bytes of a picture to the name of an expression."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import tensorflow as tf

from export.request_decoding import decode_views


class ServingModule(tf.Module):
    """The inference model behind the signatures that serve it.

    A picture that cannot be read gets a row without a name, so that requests which a server answers together do not
    fail with it. Every signature takes any number of rows, also none.

    Args:
      model: see `ifgan_tf.models.inference.build_inference`.
      classes: class names in label order.
      labels_file: the same, one a line; becomes an asset.
      template_file: what faces must be aligned to; becomes an asset too.
    """

    def __init__(self, model: keras.Model, classes: Sequence[str], labels_file: Path, template_file: Path) -> None:
        super().__init__()
        # Not the model itself: of a tracked Keras 3 model the copies of its variables are restored, not those that
        # the signatures read, wherever a graph is loaded into a session, as TF Serving does.
        self._weights = [variable.value for variable in model.variables]
        self._model = lambda images: model(tf.cast(images, tf.float32), training=False)
        self._size = int(model.inputs[0].shape[1])
        self._generates = "average_face" in model.output
        self._classes = list(classes)
        self._labels, self._template = (tf.saved_model.Asset(str(file)) for file in (labels_file, template_file))

    def signatures(self) -> dict[str, tf.types.experimental.ConcreteFunction]:
        """The functions to save, by signature name; `generate…` only where the run has a generator."""
        encoded = tf.TensorSpec([None], tf.string, "image_bytes")
        named = {
            "serving_default": self.classify_bytes.get_concrete_function(encoded),
            "tensors": self.classify_pixels.get_concrete_function(self._pixels()),
            "probabilities": self.probabilities.get_concrete_function(self._pixels()),
        }
        if self._generates:
            named["generate"] = self.generate_bytes.get_concrete_function(encoded)
            named["generate_tensors"] = self.generate_pixels.get_concrete_function(self._pixels())
        return named

    def plain_signatures(self) -> dict[str, tf.types.experimental.ConcreteFunction]:
        """Numbers in, numbers out, as `serving_default`: converters know neither strings nor encoded pictures."""
        return {"serving_default": self.probabilities.get_concrete_function(self._pixels())}

    def _pixels(self) -> tf.TensorSpec:
        return tf.TensorSpec([None, self._size, self._size, 3], tf.uint8, "images")

    @tf.function
    def classify_bytes(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        images, read = decode_views(image_bytes, self._size)
        return self._named(self._run(images)["probabilities"], read)

    @tf.function
    def classify_pixels(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        return self._named(self._run(images)["probabilities"])

    @tf.function
    def probabilities(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"probabilities": self._run(images)["probabilities"]}

    @tf.function
    def generate_bytes(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        images, read = decode_views(image_bytes, self._size)
        outputs = self._run(images)
        encoded = tf.where(read, tf.io.encode_png(outputs["average_face"]), "")
        return {**self._named(outputs["probabilities"], read), "generated_bytes": encoded}

    @tf.function
    def generate_pixels(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = self._run(images)
        return {**self._named(outputs["probabilities"]), "average_face": outputs["average_face"]}

    def _run(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        rows = tf.shape(images)[0]
        at_least_one = tf.pad(images, [[0, tf.maximum(1 - rows, 0)], [0, 0], [0, 0], [0, 0]])  # convolutions need it
        return {name: value[:rows] for name, value in self._model(at_least_one).items()}

    def _named(self, probabilities: tf.Tensor, read: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        label_id = tf.argmax(probabilities, axis=1)  # int64 [N]
        label = tf.gather(tf.constant(self._classes), label_id)
        if read is not None:
            probabilities = tf.where(read[:, None], probabilities, 0.0)
            label_id, label = tf.where(read, label_id, -1), tf.where(read, label, "")
        return {"probabilities": probabilities, "label_id": label_id, "label": label}
