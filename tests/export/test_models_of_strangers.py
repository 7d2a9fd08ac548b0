"""A SavedModel or a .tflite from a stranger: neither touches a file, whatever its graph asks for."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from ifgan_tf.errors import UserError
from ifgan_tf.labels import EXPRESSIONS
from ifgan_tf.recognition import litert
from ifgan_tf.recognition.operations import refuse_other_operations
from ifgan_tf.recognition.recognizer import Recognizer

Body = Callable[[tf.Tensor, str], Any]


class Stranger(tf.Module):
    """What `Recognizer` takes for one of our SavedModels, and does one thing more."""

    def __init__(self, labels: Path, sentinel: Path, body: Body) -> None:
        super().__init__()
        self._asset, self._sentinel, self._body = tf.saved_model.Asset(str(labels)), str(sentinel), body

    @tf.function(input_signature=[tf.TensorSpec([None, 32, 32, 3], tf.uint8, "images")])
    def tensors(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        with tf.control_dependencies([self._body(images, self._sentinel)]):
            mean = tf.reduce_mean(tf.cast(images, tf.float32), axis=[1, 2, 3])
            return {"probabilities": tf.tile(mean[:, None], [1, len(EXPRESSIONS)])}


def nothing(images: tf.Tensor, sentinel: str) -> Any:
    return tf.no_op()


def write(images: tf.Tensor, sentinel: str) -> Any:
    return tf.io.write_file(sentinel, "here")


def write_in_a_branch(images: tf.Tensor, sentinel: str) -> Any:
    return tf.cond(tf.size(images) > 0, lambda: write(images, sentinel), tf.no_op)


def write_in_a_map(images: tf.Tensor, sentinel: str) -> Any:
    def one(number: tf.Tensor) -> tf.Tensor:
        with tf.control_dependencies([write(images, sentinel)]):
            return tf.identity(number)

    return tf.data.Dataset.from_tensors(0).map(one).get_single_element()


def print_to_a_file(images: tf.Tensor, sentinel: str) -> Any:
    return tf.print("here", output_stream=f"file://{sentinel}")


def read(images: tf.Tensor, sentinel: str) -> Any:
    return tf.io.read_file("/etc/hostname")


def keep_in_a_file(images: tf.Tensor, sentinel: str) -> Any:
    return tf.data.Dataset.from_tensors(0).cache(sentinel).get_single_element()


def call_python(images: tf.Tensor, sentinel: str) -> Any:
    return tf.numpy_function(lambda: np.float32(1), [], tf.float32)


def saved(folder: Path, body: Body, labels: str = "\n".join(EXPRESSIONS)) -> Path:
    folder.mkdir(parents=True)
    (folder / "labels.txt").write_text(labels + "\n")
    module = Stranger(folder / "labels.txt", folder / "SENTINEL", body)
    tf.saved_model.save(module, str(folder / "model"), signatures={"tensors": module.tensors})
    return folder / "model"


def test_the_like_that_does_nothing_more_is_taken(tmp_path: Path) -> None:
    recognizer = Recognizer(saved(tmp_path / "x", nothing))
    assert recognizer.classify([np.full((256, 256, 3), 9, np.uint8)])[0].shape == (1, 7)


@pytest.mark.parametrize(
    ("body", "operation"),
    [
        (write, "WriteFile"),
        (write_in_a_branch, "WriteFile"),
        (write_in_a_map, "WriteFile"),
        (print_to_a_file, "StringFormat|PrintV2"),
        (read, "ReadFile"),
        (keep_in_a_file, "Cache"),
        (call_python, "PyFunc"),
    ],
)
def test_a_saved_model_that_does_more_than_compute_is_refused(body: Body, operation: str, tmp_path: Path) -> None:
    model = saved(tmp_path / "x", body)
    with pytest.raises(UserError, match=f"holds the operation [A-Za-z]*({operation})"):
        Recognizer(model)
    assert not (tmp_path / "x" / "SENTINEL").exists()


def changed(version: Path, folder: Path, change: Callable[[Any], object]) -> Path:
    """A copy of a SavedModel with its graph changed."""
    shutil.copytree(version, folder)
    file = folder / "saved_model.pb"
    model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    change(model.meta_graphs[0])
    file.write_bytes(model.SerializeToString())
    return folder


def _savers(graph: Any) -> dict[str, str]:
    return {node.name: node.attr["f"].func.name for node in graph.graph_def.node if "f" in node.attr}


def _call_the_saver(graph: Any) -> None:
    name = _savers(graph)[graph.saver_def.save_tensor_name.partition(":")[0]]
    other = next(function for function in graph.graph_def.library.function if function.signature.name != name)
    node = other.node_def.add(name="more", op="PartitionedCall")
    node.attr["f"].func.name = name


def _name_the_saver(graph: Any) -> None:
    name = _savers(graph)[graph.saver_def.restore_op_name]
    graph.object_graph_def.nodes[0].bare_concrete_function.concrete_function_name = name


def _substitute(graph: Any) -> None:
    graph.graph_def.library.function[0].attr["api_implements"].s = b"something"


def _of_tensorflow_1(graph: Any) -> None:
    graph.ClearField("object_graph_def")


@pytest.mark.parametrize("change", [_call_the_saver, _name_the_saver, _substitute, _of_tensorflow_1])
def test_ways_round_are_closed(change: Callable[[Any], None], version: Path, tmp_path: Path) -> None:
    refuse_other_operations(version)
    with pytest.raises(ValueError, match=r"read|TensorFlow 1"):
        refuse_other_operations(changed(version, tmp_path / "copy", change))


def test_a_graph_that_is_none_is_named(version: Path, tmp_path: Path) -> None:
    for content in (b"", b"nothing"):
        shutil.copytree(version, tmp_path / "copy", dirs_exist_ok=True)
        (tmp_path / "copy" / "saved_model.pb").write_bytes(content)
        with pytest.raises(UserError, match="not a SavedModel of this project"):
            Recognizer(tmp_path / "copy")


@pytest.mark.parametrize("label", ["../../evil", "=HYPERLINK(0)", "a/b"])
def test_labels_are_words(label: str, model_file: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a plain word"):
        Recognizer(saved(tmp_path / "x", nothing, "\n".join([label, *EXPRESSIONS[1:]])))
    parts = _parts(model_file)
    labels = parts[litert.LABELS].decode().splitlines()
    with pytest.raises(UserError, match="is not a plain word"):
        Recognizer(_packed(tmp_path, parts | {litert.LABELS: "\n".join([label, *labels[1:]]).encode()}))


def _parts(model_file: Path) -> dict[str, bytes]:
    """The files inside of a .tflite, and as `` the model itself."""
    with zipfile.ZipFile(model_file) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    return {"": model_file.read_bytes()[: json.loads(parts[litert.METADATA])["model"]["bytes"]], **parts}


def _packed(folder: Path, parts: dict[str, bytes]) -> Path:
    file = folder / "stranger.tflite"
    file.write_bytes(parts[""])
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            if name:
                package.writestr(name, content)
    return file


@pytest.mark.parametrize("name", [litert.LABELS, litert.METADATA, litert.DETECTOR])
def test_a_tflite_that_unpacks_to_more_than_ours_is_refused(name: str, model_file: Path, tmp_path: Path) -> None:
    parts = _parts(model_file)
    Recognizer(_packed(tmp_path, parts))
    spoilt = _packed(tmp_path, parts | {name: parts[name] + b" " * litert.MAX_DETECTOR_BYTES})
    assert spoilt.stat().st_size < 4 * model_file.stat().st_size
    with pytest.raises(UserError, match=rf"its {name} has [\d,]+ bytes"):
        Recognizer(spoilt)


def test_faces_of_a_tflite_are_not_enlarged_without_end(model_file: Path, tmp_path: Path) -> None:
    parts = _parts(model_file)
    metadata = json.loads(parts[litert.METADATA]) | {"working_size": 10**6}
    with pytest.raises(UserError, match="a working_size of 1000000"):
        Recognizer(_packed(tmp_path, parts | {litert.METADATA: json.dumps(metadata).encode()}))


def test_a_tflite_with_operations_of_tensorflow_is_not_run(model_file: Path, tmp_path: Path) -> None:
    sentinel = tmp_path / "SENTINEL"

    @tf.function(input_signature=[tf.TensorSpec([1, 32, 32, 3], tf.uint8, "image")])
    def function(image: tf.Tensor) -> dict[str, tf.Tensor]:
        with tf.control_dependencies([tf.io.write_file(str(sentinel), "here")]):
            mean = tf.reduce_mean(tf.cast(image, tf.float32), axis=[1, 2, 3])
            return {"probabilities": tf.tile(mean[:, None], [1, 7])}

    module = tf.Module()
    module.function = function
    tf.saved_model.save(module, str(tmp_path / "model"), signatures={"serving_default": function})
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "model"))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    content = converter.convert()
    assert b"FlexWriteFile" in content
    parts = _parts(model_file)
    metadata = json.loads(parts[litert.METADATA])
    metadata["model"] = {"bytes": len(content), "sha256": litert.hashlib.sha256(content).hexdigest()}
    with pytest.raises(UserError, match="asks for the operation FlexWriteFile"):
        Recognizer(_packed(tmp_path, parts | {"": content, litert.METADATA: json.dumps(metadata).encode()}))
    assert not sentinel.exists()
