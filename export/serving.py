"""The signatures of the SavedModel, from the bytes of a picture to the name of an expression."""

from __future__ import annotations

import keras
import tensorflow as tf

from ifgan_tf.data.faces import working_size


class ServingModule(tf.Module):
    """The inference model behind the signatures that serve it.

    Args:
      model: see `ifgan_tf.models.inference.build_inference`.
      labels_file: class names, one a line, in label order; becomes an asset.
    """

    def __init__(self, model: keras.Model, labels_file: str) -> None:
        super().__init__()
        self.model = model
        self.size = int(model.inputs[0].shape[1])
        lines = tf.lookup.TextFileInitializer(
            labels_file,
            tf.int64,
            tf.lookup.TextFileIndex.LINE_NUMBER,
            tf.string,
            tf.lookup.TextFileIndex.WHOLE_LINE,
        )
        self.names = tf.lookup.StaticHashTable(lines, default_value="")

    def signatures(self) -> dict[str, tf.types.experimental.ConcreteFunction]:
        """The functions to save, by signature name; `generate…` only where the run has a generator."""
        encoded = tf.TensorSpec([None], tf.string, "image_bytes")
        pixels = tf.TensorSpec([None, self.size, self.size, 3], tf.uint8, "images")
        named = {
            "serving_default": self.classify_bytes.get_concrete_function(encoded),
            "tensors": self.classify_pixels.get_concrete_function(pixels),
        }
        if "average_face" in self.model.output:
            named["generate"] = self.generate_bytes.get_concrete_function(encoded)
            named["generate_tensors"] = self.generate_pixels.get_concrete_function(pixels)
        return named

    @tf.function
    def classify_bytes(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        return self._named(self._run(self._decode(image_bytes))["probabilities"])

    @tf.function
    def classify_pixels(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        return self._named(self._run(images)["probabilities"])

    @tf.function
    def generate_bytes(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = self._run(self._decode(image_bytes))
        encoded = tf.map_fn(tf.io.encode_png, outputs["average_face"], fn_output_signature=tf.string)
        return {**self._named(outputs["probabilities"]), "generated_bytes": encoded}

    @tf.function
    def generate_pixels(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = self._run(images)
        return {**self._named(outputs["probabilities"]), "average_face": outputs["average_face"]}

    def _run(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        return self.model(tf.cast(images, tf.float32), training=False)

    def _named(self, probabilities: tf.Tensor) -> dict[str, tf.Tensor]:
        label_id = tf.argmax(probabilities, axis=1)  # int64 [N]
        return {"probabilities": probabilities, "label_id": label_id, "label": self.names.lookup(label_id)}

    def _decode(self, image_bytes: tf.Tensor) -> tf.Tensor:
        def one(data: tf.Tensor) -> tf.Tensor:
            image = tf.io.decode_image(data, channels=3, expand_animations=False)
            return model_view(tf.ensure_shape(image, (None, None, 3)), self.size)

        view = tf.TensorSpec([self.size, self.size, 3], tf.uint8)
        return tf.map_fn(one, image_bytes, fn_output_signature=view)


def model_view(image: tf.Tensor, image_size: int) -> tf.Tensor:
    """`ifgan_tf.data.faces.model_view` as a graph; pixels differ from it by at most 1.

    Args:
      image: uint8 [H, W, 3], RGB, an aligned face.
      image_size: S, of the model.
    Returns:
      uint8 [S, S, 3].
    """
    side = working_size(image_size)
    pixels = tf.cast(image, tf.float32)[None]
    resized = tf.cond(
        side < tf.reduce_min(tf.shape(image)[:2]),
        lambda: tf.image.resize(pixels, (side, side), method="area"),
        lambda: tf.image.resize(pixels, (side, side), method="bilinear"),
    )[0]
    start = (side - image_size) // 2
    cropped = tf.image.crop_to_bounding_box(resized, start, start, image_size, image_size)
    return tf.cast(tf.clip_by_value(tf.round(cropped), 0.0, 255.0), tf.uint8)
