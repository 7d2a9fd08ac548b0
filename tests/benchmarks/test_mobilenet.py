"""MobileNetV2 with torchvision's weights computes what its definition says, in NumPy, on Keras' grid."""

import numpy as np
import pytest

from benchmarks.mobilenet import imagenet_classifier, imagenet_mobilenet, write_weights
from ifgan_tf.errors import UserError
from ifgan_tf.models.backbones import build_backbone

# Expansion, channels, repetitions, first stride: Table 2 of Sandler et al., CVPR 2018.
BLOCKS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
SIZE = 32
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


class _Network:
    """Makes the state dict while it computes: float32 [C, H, W] in, features out."""

    def __init__(self):
        self.state = {}
        self.rng = np.random.default_rng(0)

    def layer(self, x, out, side, stride=1, depthwise=False, active=True):
        """Convolution, batch normalisation, ReLU6."""
        inputs = 1 if depthwise else len(x)
        kernel = self.rng.normal(0, (2 / (inputs * side * side)) ** 0.5, (out, inputs, side, side)).astype(np.float32)
        scale, offset, mean = (self.rng.normal(centre, 0.1, out).astype(np.float32) for centre in (1, 0, 0))
        variance = self.rng.uniform(0.0005, 2, out).astype(np.float32)  # the smallest tell one epsilon from another
        for value in (kernel, scale, offset, mean, variance, np.int64(1)):
            self.state[f"features.{len(self.state)}"] = np.asarray(value)
        margin = side // 2
        padded = np.pad(x, ((0, 0), (margin, margin), (margin, margin)))
        if len(x) == 3:  # Keras pads a picture in [-1, 1] with 0, which is grey
            padded = np.stack(
                [np.pad(c, margin, constant_values=v) for c, v in zip(x, (0.5 - MEAN) / STD, strict=True)]
            )
        windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), (1, 2))
        windows = windows[:, stride - 1 :: stride, stride - 1 :: stride]  # a stride of 2 pads below and to the right
        if depthwise:
            y = np.einsum("chwij,cij->chw", windows, kernel[:, 0])
        else:
            y = np.einsum("chwij,ocij->ohw", windows, kernel, optimize=True)
        factor = scale / np.sqrt(variance + 1e-5)
        y = (y - mean[:, None, None]) * factor[:, None, None] + offset[:, None, None]
        return np.clip(y, 0, 6) if active else y

    def features(self, x):
        x = self.layer(x, 32, 3, stride=2)
        for expansion, channels, repetitions, first in BLOCKS:
            for stride in (first, *[1] * (repetitions - 1)):
                y = x if expansion == 1 else self.layer(x, expansion * len(x), 1)
                y = self.layer(y, len(y), 3, stride, depthwise=True)
                y = self.layer(y, channels, 1, active=False)
                x = x + y if stride == 1 and len(x) == channels else y
        return self.layer(x, 1280, 1)


@pytest.fixture(scope="module")
def reference():
    """A picture, RGB in 0..255, its features [h, w, 1280], and the state dict."""
    network = _Network()
    picture = np.random.default_rng(1).uniform(0, 255, (SIZE, SIZE, 3)).astype(np.float32)
    normalised = (picture / 255 - MEAN) / STD
    features = network.features(normalised.transpose(2, 0, 1).astype(np.float32)).transpose(1, 2, 0)
    state = network.state
    state["classifier.1.weight"] = network.rng.normal(0, 0.1, (1000, 1280)).astype(np.float32)
    state["classifier.1.bias"] = network.rng.normal(0, 1, 1000).astype(np.float32)
    return picture, features, state


def test_features_and_logits_are_those_of_the_definition(reference):
    picture, features, state = reference
    given = imagenet_mobilenet(state, SIZE)(picture[np.newaxis] / 127.5 - 1).numpy()[0]
    assert given.shape == features.shape == (1, 1, 1280) and features.std() > 0.1
    np.testing.assert_allclose(given, features, atol=0.05)  # with another epsilon or padding: 6
    logits = imagenet_classifier(state, SIZE)(picture[np.newaxis]).numpy()[0]
    expected = state["classifier.1.weight"] @ features[0, 0] + state["classifier.1.bias"]
    np.testing.assert_allclose(logits, expected, atol=0.1)


def test_keras_reads_the_file_that_is_written(reference, tmp_path):
    picture, features, state = reference
    file = tmp_path / "new" / "mobilenet.weights.h5"
    write_weights(state, file)
    backbone = build_backbone("MobileNetV2", str(file), SIZE, 3, 0.9)
    np.testing.assert_allclose(backbone(picture[np.newaxis] / 127.5 - 1).numpy()[0], features, atol=0.05)


def test_a_name_that_keras_does_not_take_is_refused(reference, tmp_path):
    with pytest.raises(UserError, match=r"--output=.*: expected a name that ends in \.weights\.h5"):
        write_weights(reference[2], tmp_path / "weights.npz")


def test_other_weights_are_refused(reference):
    state = dict(reference[2])
    del state["features.0"]
    with pytest.raises(UserError, match="another network"):
        imagenet_mobilenet(state, SIZE)
