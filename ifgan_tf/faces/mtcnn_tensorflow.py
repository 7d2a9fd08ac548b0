"""MTCNN in TensorFlow: the three networks of the `mtcnn` package, whose weights ship in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ifgan_tf.faces.detection import OUTPUT_SIDE, REFINE_SIDE, Cascade, Network

if TYPE_CHECKING:
    import keras

SIDES = {"proposal": None, "refine": REFINE_SIDE, "output": OUTPUT_SIDE}  # of what they take; None is any


class FaceDetector(Cascade):
    """The cascade over graphs of TensorFlow, several times faster than the package's own driver.

    Each network is traced once, with free image size, so no size is ever traced twice; called eagerly, Keras' overhead
    a layer outweighs the arithmetic.

    TensorFlow's memory grows with varied sizes: in long runs use it in worker processes that are replaced now and then.
    """

    def __init__(self) -> None:
        super().__init__(*(_traced(network, SIDES[name]) for name, network in mtcnn_networks().items()))


def mtcnn_networks() -> dict[str, keras.Model]:
    """The networks by what they do: `proposal`, `refine` and `output`."""
    from mtcnn.stages import StageONet, StagePNet, StageRNet

    return {"proposal": StagePNet().model, "refine": StageRNet().model, "output": StageONet().model}


def with_names(network: keras.Model) -> Callable[[Any], dict[str, Any]]:
    """The network with its outputs by name (see `ifgan_tf.faces.detection.Network`), on tensors."""

    def run(pixels: Any) -> dict[str, Any]:
        offsets, *landmarks, scores = network(pixels)
        return {"offsets": offsets, "scores": scores, **({"landmarks": landmarks[0]} if landmarks else {})}

    return run


def _traced(network: keras.Model, side: int | None) -> Network:
    import tensorflow as tf

    graph = tf.function(with_names(network), input_signature=[tf.TensorSpec([None, side, side, 3], tf.float32)])

    def run(pixels: np.ndarray) -> dict[str, np.ndarray]:
        return {name: value.numpy() for name, value in graph(tf.constant(pixels)).items()}

    return run
