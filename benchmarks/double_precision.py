"""Networks and training steps in float64, where rounding hides nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest import mock

import keras
import numpy as np
import tensorflow as tf
import torch

from ifgan_tf.models import backbones
from ifgan_tf.models.normalization import BatchNormalization

_POLICY = "keras.src.dtype_policies.get"  # by which a layer gets its precision


@contextlib.contextmanager
def float64() -> Iterator[None]:
    """What is built and traced inside computes in float64, on both sides.

    The package fixes some things at float32 in every precision; they are replaced: its casts, the layers that make
    logits and faces, ImageNet's mean, and the operation for batch normalisation, which has no float64.
    """
    policy = keras.dtype_policies.get

    def wider(identifier: Any) -> keras.DTypePolicy:
        asked = policy(identifier)
        return keras.DTypePolicy("float64") if asked.name == "float32" else asked

    with (
        mock.patch.object(tf, "float32", tf.float64),
        mock.patch(_POLICY, wider),
        mock.patch.object(backbones, "_MEAN_BGR", backbones._MEAN_BGR.astype(np.float64)),
        mock.patch.object(BatchNormalization, "call", _normalise),
    ):
        keras.config.set_floatx("float64")
        torch.set_default_dtype(torch.float64)
        try:
            yield
        finally:
            keras.config.set_floatx("float32")
            torch.set_default_dtype(torch.float32)


def _normalise(self: BatchNormalization, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
    """In training, as the operation in whose place it is: the moving variance follows the unbiased one."""
    mean, variance = tf.nn.moments(inputs, axes=[0, 1, 2])
    count = tf.cast(tf.size(inputs) // tf.shape(inputs)[-1], inputs.dtype)
    for moving, current in ((self.moving_mean, mean), (self.moving_variance, variance * count / (count - 1.0))):
        moving.assign_sub((1.0 - self.momentum) * (moving - current))
    return tf.nn.batch_normalization(inputs, mean, variance, self.beta, self.gamma, self.epsilon)
