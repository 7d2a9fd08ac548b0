"""Photos without the light and the camera's colours that they were taken with."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

_DEVIATION = 0.4  # of what networks then see, of values in [-1, 1]: that of faces in good light
_LEAST = 0.06  # added to a photo's own deviation, or one of a single colour would be all noise


@keras.saving.register_keras_serializable(package="ifgan_tf")
class StandardisedColours(keras.layers.Layer):
    """The same mean and deviation in each of a photo's three channels, whatever its light and its white balance.

    Call:
      x: float [B, H, W, C] in [-1, 1], a photo in the first three channels.
    Returns:
      the same shape, float32, in [-1, 1]; the photo standardised, what follows it as it was.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})

    def call(self, x: Any) -> Any:
        photo = x[..., :3]
        mean = ops.mean(photo, axis=(1, 2), keepdims=True)
        deviation = ops.sqrt(ops.mean(ops.square(photo - mean), axis=(1, 2), keepdims=True))
        photo = ops.clip((photo - mean) * (_DEVIATION / (deviation + _LEAST)), -1.0, 1.0)
        return photo if x.shape[-1] == 3 else ops.concatenate([photo, x[..., 3:]], axis=-1)

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return shape
