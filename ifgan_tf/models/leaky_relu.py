"""LeakyReLU whose gradient reads what it gave, not what it was given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="ifgan_tf")
class LeakyReLU(keras.layers.LeakyReLU):
    """Keras' LeakyReLU, in training with the same gradient from another tensor.

    TensorFlow's gradient looks at the sign of the input, which is then kept beside the output, and which a convolution
    with its bias must leave behind for it. Its graph optimiser overlooks that: it makes one operation of convolution,
    bias and LeakyReLU, finds the input still asked for ("remapper failed: … missing node '…/BiasAdd'") and drops all
    that it had rewritten in that pass. The output has the input's sign, so the gradient from it is the same to the bit.
    """

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        if not training:
            return super().call(inputs)
        return _leaky_relu(inputs, self.negative_slope)


def _leaky_relu(x: tf.Tensor, slope: float) -> tf.Tensor:
    @tf.custom_gradient
    def leaky_relu(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        y = tf.nn.leaky_relu(x, slope)
        return y, lambda upstream: tf.raw_ops.LeakyReluGrad(gradients=upstream, features=y, alpha=slope)

    return leaky_relu(x)
