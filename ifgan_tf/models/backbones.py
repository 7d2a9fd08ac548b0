"""The backbones that the classifier can stand on, each with the preprocessing its ImageNet weights expect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from ifgan_tf.errors import UserError
from ifgan_tf.keras_files import refuse_odd_weights
from ifgan_tf.models.normalization import BatchNormalization

SMALL_CNN = "SmallCNN"

# Preprocessing of keras.applications, by backbone: caffe is BGR with the mean removed, tf is [-1, 1], torch is
# [0, 1] with mean and deviation removed.
PREPROCESSING: dict[str, str] = {
    "ResNet50": "caffe",
    "ResNet101": "caffe",
    "ResNet152": "caffe",
    "VGG16": "caffe",
    "VGG19": "caffe",
    "ResNet50V2": "tf",
    "ResNet101V2": "tf",
    "MobileNet": "tf",
    "MobileNetV2": "tf",
    "MobileNetV3Small": "tf",
    "MobileNetV3Large": "tf",
    "DenseNet121": "torch",
    "EfficientNetV2B0": "torch",
    "EfficientNetV2B1": "torch",
    "EfficientNetV2B2": "torch",
    "EfficientNetV2B3": "torch",
    SMALL_CNN: "tf",
}
_MEAN_BGR = np.array([103.939, 116.779, 123.68], np.float32)
MEAN_RGB, STD_RGB = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)


@keras.saving.register_keras_serializable(package="ifgan_tf")
class Preprocess(keras.layers.Layer):
    """RGB in [-1, 1] → what a backbone's ImageNet weights expect.

    Call:
      x: float [B, H, W, 3·k], k RGB images one after the other.
    Returns:
      the same shape, float32.
    """

    def __init__(self, mode: str, **kwargs: Any) -> None:
        super().__init__(dtype="float32", **kwargs)
        self.mode = mode

    def call(self, x: Any) -> Any:
        if self.mode == "tf":
            return x
        images = [x[..., start : start + 3] for start in range(0, x.shape[-1], 3)]
        return ops.concatenate([self._one(image) for image in images], axis=-1)

    def _one(self, rgb: Any) -> Any:
        if self.mode == "caffe":
            return (ops.flip(rgb, axis=-1) + 1.0) * 127.5 - _MEAN_BGR
        return ((rgb + 1.0) * 0.5 - MEAN_RGB) / STD_RGB

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("dtype", None)
        return {**config, "mode": self.mode}


def build_backbone(name: str, weights: str, size: int, channels: int, batch_norm_momentum: float) -> keras.Model:
    """A headless backbone.

    Args:
      name: a key of `PREPROCESSING`.
      weights: `none`, `imagenet` (downloaded once by Keras), or the path of a file with the backbone's headless
        ("notop") weights. For `channels` = 6 the pretrained first kernel is repeated and halved, so that two equal
        images give what one gave.
      size: side of the input.
      channels: 3 (one image) or 6 (two).
      batch_norm_momentum: of every batch normalisation in it.

    Returns:
      A model: preprocessed float [B, size, size, channels] → feature map float [B, h, w, C].

    Raises:
      UserError: for an unknown name, weights that cannot be downloaded, or a file that does not fit.
    """
    if name not in PREPROCESSING:
        raise UserError(f"--backbone={name}: expected one of {', '.join(PREPROCESSING)}")
    if name == SMALL_CNN and weights == "imagenet":
        raise UserError(
            f"--classifier_weights=imagenet: {SMALL_CNN} has no ImageNet weights; pass --classifier_weights=none"
        )
    backbone = _headless(name, size, channels)
    if weights == "imagenet":
        _copy_weights(_download(name, size), backbone)
    elif weights != "none":
        _copy_weights(_read(name, size, Path(weights).expanduser()), backbone)
    return _with_batch_norm(backbone, batch_norm_momentum)


def _with_batch_norm(backbone: keras.Model, momentum: float) -> keras.Model:
    """The same backbone with the project's batch normalisation, of another momentum, in the place of Keras' own."""

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        if isinstance(layer, layers.BatchNormalization):
            return BatchNormalization.from_config({**config, "momentum": momentum})
        return type(layer).from_config(config)

    cloned = keras.models.clone_model(backbone, clone_function=clone)
    cloned.set_weights(backbone.get_weights())
    return cloned


def _headless(name: str, size: int, channels: int, weights: str | None = None) -> keras.Model:
    shape = (size, size, channels)
    if name == SMALL_CNN:
        return _small_cnn(shape)
    options: dict[str, Any] = {}
    if name.startswith(("MobileNetV3", "EfficientNetV2")):
        options["include_preprocessing"] = False
    return getattr(keras.applications, name)(input_shape=shape, include_top=False, weights=weights, **options)


def _small_cnn(shape: tuple[int, int, int]) -> keras.Model:
    """Four halvings of 24 to 192 channels, 3x3 convolutions: for small images and training from scratch."""
    image = keras.Input(shape)
    x = image
    for level, width in enumerate((24, 48, 96, 192), start=1):
        stride = 2 if level == 1 else 1
        x = layers.Conv2D(width, 3, stride, padding="same", use_bias=False, name=f"conv{level}")(x)
        x = layers.BatchNormalization(epsilon=1e-5, name=f"norm{level}")(x)
        x = layers.ReLU(name=f"relu{level}")(x)
        if level > 1:
            x = layers.MaxPooling2D(name=f"pool{level}")(x)
    return keras.Model(image, x, name="small_cnn")


def _download(name: str, size: int) -> keras.Model:
    try:
        return _headless(name, size, 3, weights="imagenet")
    except Exception as error:  # Keras raises bare Exception when a download fails
        raise UserError(
            f"--classifier_weights=imagenet: the weights of {name} could not be downloaded ({error}). Download its "
            f"headless (notop) weights file elsewhere and pass --classifier_weights=FILE, or start from scratch with "
            f"--classifier_weights=none"
        ) from None


def _read(name: str, size: int, path: Path) -> keras.Model:
    if not path.is_file():
        raise UserError(f"--classifier_weights={path}: no such file; expected imagenet, none, or a weights file")
    backbone = _headless(name, size, 3)
    try:
        if path.suffix not in (".h5", ".hdf5"):
            raise ValueError(f"its name ends in {path.suffix!r}")
        refuse_odd_weights(path)
        backbone.load_weights(str(path))
    except Exception as error:  # h5py and Keras raise many types for a file that does not fit
        raise UserError(
            f"--classifier_weights={path}: not the headless (notop) weights of {name} ({str(error)[:200]}); expected "
            f"the .h5 file that keras.applications publishes for it, or one written by its save_weights"
        ) from None
    return backbone


def _copy_weights(source: keras.Model, target: keras.Model) -> None:
    """Copies weight by weight; a first kernel over twice the channels gets the source's repeated and halved."""
    for origin, weight in zip(source.weights, target.weights, strict=True):
        value = ops.convert_to_numpy(origin)
        if value.shape != tuple(weight.shape):
            repeats = weight.shape[2] // value.shape[2]
            value = np.concatenate([value / repeats] * repeats, axis=2)
        weight.assign(value)
