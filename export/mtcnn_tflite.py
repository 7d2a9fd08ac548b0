"""MTCNN's three networks as one .tflite, for finding faces where there is no TensorFlow."""

from __future__ import annotations

import functools
import tempfile
from typing import Any

import tensorflow as tf


@functools.cache
def convert_detector(side: int | None = None) -> bytes:
    """The networks of the `mtcnn` package, whose weights ship in it, as the content of one float32 .tflite file.

    Signatures (pixels are (RGB - 127.5) / 128, Zhang et al., 2016):
      proposal: `image` float32 [1, H, W, 3], any size → `offsets` [1, h, w, 4], `scores` [1, h, w, 2].
      refine: `patches` float32 [n, 24, 24, 3] → `offsets` [n, 4], `scores` [n, 2].
      output: `patches` float32 [n, 48, 48, 3] → `offsets` [n, 4], `scores` [n, 2],
        `landmarks` [n, 10] (five x, five y).

    Args:
      side: for runtimes without dynamic shapes: `proposal` takes images of this height and width, the others one
        patch at a time.
    """
    import keras
    from mtcnn.stages import StageONet, StagePNet, StageRNet

    count = 1 if side else None
    pnet, rnet, onet = StagePNet().model, StageRNet().model, StageONet().model
    endpoints = {
        "proposal": (pnet, "image", [1, side, side, 3]),
        "refine": (rnet, "patches", [count, 24, 24, 3]),
        "output": (onet, "patches", [count, 48, 48, 3]),
    }
    archive = keras.export.ExportArchive()
    for network in (pnet, rnet, onet):
        archive.track(network)
    for name, (network, argument, shape) in endpoints.items():
        archive.add_endpoint(name, _named(network), input_signature=[tf.TensorSpec(shape, tf.float32, argument)])
    with tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder, verbose=False)
        return tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(endpoints)).convert()


def _named(network: Any) -> Any:
    def run(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        offsets, *landmarks, scores = network(pixels)
        return {"offsets": offsets, "scores": scores, **({"landmarks": landmarks[0]} if landmarks else {})}

    return run
