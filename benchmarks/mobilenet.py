"""MobileNetV2 with the ImageNet weights of torchvision."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import keras
import numpy as np
from keras import layers

from ifgan_tf.errors import UserError
from ifgan_tf.models.backbones import Preprocess
from ifgan_tf.models.inference import ToUnit

_HEAD = ("classifier.1.weight", "classifier.1.bias")


def imagenet_mobilenet(state: Mapping[str, np.ndarray], size: int, learning_from: str = "Conv1") -> keras.Model:
    """The headless network.

    It is Keras' own but for what the weights have been trained with: batch normalisation divides by √(variance + 1e-5),
    not 1e-3, and follows a tenth of each batch; a convolution of stride 2 pads all four sides. Keras pads below and to
    the right alone, which moves its grid by a pixel, five times over.

    Args:
      state: of torchvision's `mobilenet_v2`, in its order.
      size: side S of the pictures, at least 32.
      learning_from: Keras' name of the first layer that training changes; those before it keep their statistics too.

    Returns:
      A model: RGB in 0..255 [B, S, S, 3] → float32 [B, h, w, 1280].

    Raises:
      UserError: for weights of another network.
    """
    original = keras.applications.MobileNetV2(input_shape=(size + 2, size + 2, 3), include_top=False, weights=None)
    backbone = keras.models.clone_model(original, clone_function=_as_in_torch)
    _assign(backbone, [value for name, value in state.items() if name not in _HEAD])
    for layer in itertools.takewhile(lambda layer: layer.name != learning_from, backbone.layers):
        layer.trainable = False
    image = keras.Input((size, size, 3), name="image")
    padded = layers.ZeroPadding2D(1)(Preprocess("torch")(ToUnit()(image)))
    return keras.Model(image, backbone(padded), name="mobilenet_v2")


def imagenet_classifier(state: Mapping[str, np.ndarray], size: int) -> keras.Model:
    """The whole network: RGB in 0..255 [B, S, S, 3] → logits of the 1,000 classes; arguments as above."""
    features = imagenet_mobilenet(state, size)
    logits = layers.Dense(1000)
    model = keras.Model(features.input, logits(layers.GlobalAveragePooling2D()(features.output)))
    kernel, bias = (state[name] for name in _HEAD)
    logits.set_weights([kernel.T, bias])
    return model


def _as_in_torch(layer: keras.layers.Layer) -> keras.layers.Layer:
    config = layer.get_config()
    if isinstance(layer, layers.BatchNormalization):
        config |= {"epsilon": 1e-5, "momentum": 0.9}
    if isinstance(layer, layers.ZeroPadding2D):
        config |= {"padding": 1}
    if layer.name == "Conv1":  # the one that pads by itself; what it is given has been padded
        config |= {"padding": "valid"}
    return type(layer).from_config(config)


def _assign(backbone: keras.Model, tensors: list[np.ndarray]) -> None:
    """Both frameworks list convolutions and their normalisations as they are applied: scale, offset, mean, variance."""
    values = [
        _kernel(tensor) if tensor.ndim == 4 else tensor for tensor in tensors if tensor.ndim
    ]  # counters have none
    if [value.shape for value in values] != [tuple(weight.shape) for weight in backbone.weights]:
        raise UserError("--imagenet_weights: those of another network; expected torchvision's mobilenet_v2")
    backbone.set_weights(values)


def _kernel(tensor: np.ndarray) -> np.ndarray:
    """[out, in, h, w] → [h, w, in, out]; a depthwise one, [channels, 1, h, w] → [h, w, channels, 1]."""
    return tensor.transpose(2, 3, 0, 1) if tensor.shape[1] == 1 else tensor.transpose(2, 3, 1, 0)
