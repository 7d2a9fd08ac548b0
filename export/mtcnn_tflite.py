"""MTCNN's three networks as one .tflite, for finding faces where there is no TensorFlow."""

from __future__ import annotations

import functools
import tempfile

import tensorflow as tf

from ifgan_tf.faces.mtcnn_tensorflow import SIDES, mtcnn_networks, with_names


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

    count = 1 if side else None
    archive = keras.export.ExportArchive()
    networks = mtcnn_networks()
    for network in networks.values():
        archive.track(network)
    for name, network in networks.items():
        if name == "proposal":
            signature = tf.TensorSpec([1, side, side, 3], tf.float32, "image")
        else:
            signature = tf.TensorSpec([count, SIDES[name], SIDES[name], 3], tf.float32, "patches")
        archive.add_endpoint(name, with_names(network), input_signature=[signature])
    with tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder, verbose=False)
        return tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(networks)).convert()
