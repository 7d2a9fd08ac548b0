"""Requests that TF Serving replays when it loads a version, so that the first caller does not wait."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path


def available() -> bool:
    """Whether the extra `serving` (tensorflow-serving-api), which knows the format, is installed."""
    return importlib.util.find_spec("tensorflow_serving") is not None


def write_warmup(version: Path, signatures: Sequence[str], pictures: Sequence[bytes]) -> Path:
    """Writes `assets.extra/tf_serving_warmup_requests` into a SavedModel.

    Args:
      version: folder of the SavedModel.
      signatures: those to warm up; they take `image_bytes`.
      pictures: encoded faces. Average faces are nobody's.

    Returns:
      The file.
    """
    import tensorflow as tf
    from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2

    file = version / "assets.extra" / "tf_serving_warmup_requests"
    file.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(file)) as writer:
        for signature in signatures:
            for batch in ([pictures[0]], list(pictures)):
                request = predict_pb2.PredictRequest(
                    model_spec=model_pb2.ModelSpec(signature_name=signature),
                    inputs={"image_bytes": tf.make_tensor_proto(batch, tf.string, [len(batch)])},
                )
                log = prediction_log_pb2.PredictLog(request=request)
                writer.write(prediction_log_pb2.PredictionLog(predict_log=log).SerializeToString())
    return file
