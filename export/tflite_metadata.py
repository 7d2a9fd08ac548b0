"""TFLite's standard metadata, by which tools of other makers, such as MediaPipe, know what a file takes and gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flatbuffers
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

NAME = "TFLITE_METADATA"
_IDENTIFIER = b"M001"
# Of metadata_schema.fbs, https://github.com/google-ai-edge/mediapipe/tree/master/mediapipe/tasks/metadata: a table is
# {slot: field} here.
_IMAGE_PROPERTIES, _FEATURE_PROPERTIES = 2, 1
_RGB = 1
_NORMALIZATION = 1
_TENSOR_AXIS_LABELS = 2


def with_metadata(content: bytes, outputs: Sequence[str], labels_file: str, description: str) -> bytes:
    """A .tflite with the description of its one input, an RGB image, and of its outputs.

    Args:
      content: of the file, nothing appended.
      outputs: names of its outputs, in the file's order, out of `probabilities` and `average_face`.
      labels_file: the associated file that names the classes.
      description: of the model, for people.
    """
    image = {0: _IMAGE_PROPERTIES, 1: {0: _RGB}}
    picture = {
        0: "image",
        1: "An aligned face, RGB.",
        3: image,
        # Bytes go in as they are; the networks scale them themselves.
        4: [{0: _NORMALIZATION, 1: {0: [0.0], 1: [1.0]}}],
        5: {0: [255.0], 1: [0.0]},
    }
    described: dict[str, dict[int, Any]] = {
        "average_face": {0: "average_face", 1: "The average-identity face, RGB.", 3: image, 5: {0: [255.0], 1: [0.0]}},
        "probabilities": {
            0: "probabilities",
            1: "How probable each expression is.",
            3: {0: _FEATURE_PROPERTIES, 1: {}},
            5: {0: [1.0], 1: [0.0]},
            6: [{0: labels_file, 1: "Names of the expressions.", 2: _TENSOR_AXIS_LABELS}],
        },
    }
    graph = {2: [picture], 3: [described[name] for name in outputs]}
    builder = flatbuffers.Builder()
    builder.Finish(_offset(builder, {0: "IF-GAN", 1: description, 3: [graph], 7: "1.0.0"}), _IDENTIFIER)

    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = bytes(builder.Output())
    entry.name, entry.buffer = NAME, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]
    return flatbuffer_utils.convert_object_to_bytearray(model)


def _offset(builder: flatbuffers.Builder, value: Any) -> int:
    """Writes a string, a table {slot: field} (an int is a byte), or a list of floats, strings or tables."""
    if isinstance(value, str):
        return builder.CreateString(value)
    if isinstance(value, dict):
        fields = {slot: field if isinstance(field, int) else _offset(builder, field) for slot, field in value.items()}
        builder.StartObject(max(fields, default=-1) + 1)
        for slot, field in fields.items():
            if isinstance(value[slot], int):
                builder.PrependByteSlot(slot, field, 0)
            else:
                builder.PrependUOffsetTRelativeSlot(slot, field, 0)
        return builder.EndObject()
    items = [item if isinstance(item, float) else _offset(builder, item) for item in value]
    builder.StartVector(4, len(items), 4)
    for item in reversed(items):
        if isinstance(item, float):
            builder.PrependFloat32(item)
        else:
            builder.PrependUOffsetTRelative(item)
    return builder.EndVector()
