"""What the average faces can be mixed to: a generated face that holds nothing else."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

SPAN = "average_face_span"  # the layer's name in a generator


def give_average_faces(generator: keras.Model | None, faces: np.ndarray) -> None:
    """Makes `faces`, float [N, S, S, 3] in [-1, 1], those that G mixes, if it is of the kind that mixes them."""
    if generator is not None and any(layer.name == SPAN for layer in generator.layers):
        generator.get_layer(SPAN).set_average_faces(faces)


@keras.saving.register_keras_serializable(package="ifgan_tf")
class AverageFaceSpan(keras.layers.Layer):
    """The nearest face that is an affine mixture of the average faces; a person's own detail has no place in it.

    Of N average faces, such a face is told by N - 1 numbers. The average faces are weights that are set once
    (`set_average_faces`) and not trained, so that checkpoints and exports carry them.

    Args:
      classes: N, at most.
    """

    def __init__(self, classes: int, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        self.classes = classes

    def build(self, shape: tuple[int | None, ...]) -> None:
        size = int(np.prod([side for side in shape[1:] if side is not None]))
        self.mean = self.add_weight(shape=(size,), initializer="zeros", trainable=False, name="mean")
        self.directions = self.add_weight(
            shape=(self.classes - 1, size), initializer="zeros", trainable=False, name="directions"
        )

    def set_average_faces(self, faces: np.ndarray) -> None:
        """Makes `faces`, float [N, S, S, 3] in [-1, 1], the ones that are mixed."""
        flat = np.asarray(faces, np.float64).reshape(len(faces), -1)
        mean = flat.mean(axis=0)
        _, strengths, directions = np.linalg.svd(flat - mean, full_matrices=False)
        # Equal average faces span nothing between them, nor does one that is the mean of others: what is left there is
        # the rounding to bytes, whose spectral norm is its deviation times √P + √N, and a mixture of it would be noise.
        rounding = 2 / 255 / np.sqrt(12) * sum(np.sqrt(flat.shape))
        kept = directions[strengths > rounding][: self.classes - 1]
        self.mean.assign(mean)
        self.directions.assign(np.pad(kept, [(0, self.classes - 1 - len(kept)), (0, 0)]))

    def call(self, face: Any) -> Any:
        """Float [B, S, S, 3] → the nearest mixture, float32 [B, S, S, 3], clipped to [-1, 1]."""
        flat = ops.reshape(face, (-1, self.mean.shape[0])) - self.mean  # [B, P]
        amounts = ops.matmul(flat, ops.transpose(self.directions))  # [B, N - 1]
        mixed = self.mean + ops.matmul(amounts, self.directions)
        return ops.reshape(ops.clip(mixed, -1.0, 1.0), (-1, *face.shape[1:]))

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "classes": self.classes}
