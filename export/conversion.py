"""Keras → TFLite: one graph with static shapes, in four number formats."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from ifgan_tf.silence import native_silence

SIGNATURE = "serving_default"

# What stays in float in int8; it costs little. The output scale of an int8 softmax is fixed at 1/256: over the
# thousands of positions of self-attention every coefficient would round to zero. And the step between bytes and
# [-1, 1] at either end, whose ranges the converter gets wrong: it would leave a handful of grey levels.
_FLOAT_OPERATIONS = ["SOFTMAX", "BATCH_MATMUL", "TANH"]
_FLOAT_LAYERS = ("/to_unit", "/average_face")


def convert(model: keras.Model, number_format: str, calibration: np.ndarray | None = None) -> bytes:
    """The inference model as the content of a .tflite file.

    Args:
      model: see `ifgan_tf.models.inference.build_inference`.
      number_format: `float32`; `float16` (weights halved, computed in float32); `dynamic` (weights int8, activations
        quantised on the fly); `int8` (weights and activations, but for the softmax and products of attention).
      calibration: uint8 [N, S, S, 3], real faces that fix the ranges of activations; needed for `int8` only.

    Returns:
      A model of one signature, `serving_default`: `image` uint8 RGB [1, S, S, 3] → `probabilities` float32
      [1, classes] and, where there is a generator, `average_face` uint8 RGB [1, S, S, 3]. The same in every format.
    """
    size = model.inputs[0].shape[1]
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint(
        SIGNATURE,
        lambda image: model(tf.cast(image, tf.float32), training=False),
        input_signature=[tf.TensorSpec([1, size, size, 3], tf.uint8, "image")],
    )
    with tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[SIGNATURE])
        if number_format != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if number_format == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if number_format != "int8":
            return converter.convert()
        if calibration is None:
            raise ValueError("int8 needs faces to calibrate on")
        return _convert_int8(converter, calibration, _tensors_of(convert(model, "float32"), _FLOAT_LAYERS))


def open_interpreter(content: bytes, threads: int = 1) -> Interpreter:
    """LiteRT on the content of a .tflite file, without its word on every processor's delegate."""
    with native_silence():
        interpreter = Interpreter(model_content=content, num_threads=threads)
        interpreter.allocate_tensors()
        return interpreter


def output_names(content: bytes) -> list[str]:
    """The names that the signature has for a .tflite's outputs, in the order of the file."""
    interpreter = Interpreter(model_content=content)
    by_tensor = {
        detail["index"]: name
        for name, detail in interpreter.get_signature_runner(SIGNATURE).get_output_details().items()
    }
    return [by_tensor[detail["index"]] for detail in interpreter.get_output_details()]


def _convert_int8(converter: tf.lite.TFLiteConverter, calibration: np.ndarray, in_float: list[str]) -> bytes:

    def faces() -> Iterator[dict[str, np.ndarray]]:
        for face in calibration:
            yield {"image": face[None]}

    converter.representative_dataset = faces
    options = tf.lite.experimental.QuantizationDebugOptions(denylisted_ops=_FLOAT_OPERATIONS, denylisted_nodes=in_float)
    with (
        native_silence(),
        warnings.catch_warnings(),
    ):  # the debugger builds an interpreter of its own that announces its retirement
        warnings.simplefilter("ignore", UserWarning)
        debugger = tf.lite.experimental.QuantizationDebugger(
            converter=converter, debug_dataset=faces, debug_options=options
        )
        return debugger.get_nondebug_quantized_model()


def _tensors_of(content: bytes, layers: Sequence[str]) -> list[str]:
    """Names of the tensors of a .tflite that come from some layers."""
    names = [tensor["name"] for tensor in open_interpreter(content).get_tensor_details()]
    return [name for name in names if any(layer in name for layer in layers)]
