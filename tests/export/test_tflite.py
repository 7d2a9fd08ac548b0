"""The .tflite files: the same answers as Keras, and everything a device needs inside."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from export import parity, tflite
from export.conversion import convert
from export.saved_model import export_saved_model
from export.tflite import export_tflite
from ifgan_tf.errors import UserError
from ifgan_tf.evaluation.predictions import faces_of
from ifgan_tf.recognition.recognizer import Recognizer
from ifgan_tf.run_folder import RunFolder


@pytest.fixture(scope="module")
def float32(run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    output = tmp_path_factory.mktemp("float32")
    return output / "ifgan_float32.tflite", export_tflite(run, output, parity_images=16)["float32"]


@pytest.fixture(scope="module")
def exported(run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, Any]]]:
    output = tmp_path_factory.mktemp("tflite")
    # Untrained networks are undecided: one label that tips over says nothing of the format.
    return output, export_tflite(run, output, tflite.FORMATS, parity_images=16, allow_accuracy_drop=True)


def test_recognizer_gives_the_same_labels_whatever_it_opens(
    run: RunFolder, version: Path, float32: tuple[Path, Any]
) -> None:
    photo = pytest.importorskip("skimage.data").astronaut()[:300, 100:400]
    recognizers = [Recognizer(path) for path in (run.path, version.parent, float32[0])]
    assert [recognizer.kind for recognizer in recognizers] == ["keras", "saved_model", "tflite"]
    photos = [photo, photo[:, ::-1], photo[::-1, ::-1], (photo * 0.5).astype(np.uint8)]
    answers = [[face for found in recognizer.predict(photos) for face in found] for recognizer in recognizers]
    assert len(answers[0]) >= 3
    for faces in zip(*answers, strict=True):
        assert len({face.label for face in faces}) == 1
        for face in faces[1:]:
            assert face.probabilities == pytest.approx(faces[0].probabilities, abs=1e-4)
            assert np.abs(face.average_face.astype(int) - faces[0].average_face).max() <= 1


@pytest.mark.parametrize("place", [0.2, 0.5, 0.9])
def test_recognizer_refuses_a_damaged_file(float32: tuple[Path, Any], tmp_path: Path, place: float) -> None:
    content = bytearray(float32[0].read_bytes())
    content[int(place * float32[1]["model"]["bytes"])] ^= 0xFF
    (tmp_path / "damaged.tflite").write_bytes(content)
    with pytest.raises(UserError, match="damaged"):
        Recognizer(tmp_path / "damaged.tflite")


def test_eight_pictures_through_keras_saved_model_and_tflite(
    run: RunFolder, version: Path, float32: tuple[Path, Any]
) -> None:
    images = parity.evenly(faces_of(run, "test"), 8).images[:]
    keras_says = parity.answers(parity.keras_runner(run.inference()), images, "")
    content = float32[0].read_bytes()
    litert_says = parity.answers(parity.litert_runner(content, 1), images, "")
    serving = tf.saved_model.load(str(version)).signatures["tensors"]
    serving_says = serving(images=tf.constant(images))["probabilities"]
    assert np.abs(litert_says["probabilities"] - keras_says["probabilities"]).max() < 1e-3
    assert np.abs(serving_says - keras_says["probabilities"]).max() < 1e-3
    # Half a grey level may round either way.
    assert np.abs(litert_says["average_face"].astype(int) - keras_says["average_face"]).max() <= 1


@pytest.mark.slow
def test_a_generator_that_sees_with_a_backbone_leaves_too(make_run: Callable[..., RunFolder], tmp_path: Path) -> None:
    """As the small presets have it."""
    seeing = make_run("generated", generator_encoder="backbone", generator_skips=2)
    said = export_tflite(seeing, tmp_path, ("float32", "int8"), parity_images=16, allow_accuracy_drop=True)
    assert said["float32"]["parity"]["max_probability_difference"] < 1e-4
    assert said["int8"]["parity"]["max_probability_difference"] < 0.15
    images = parity.evenly(faces_of(seeing, "test"), 8).images[:]
    serving = tf.saved_model.load(str(export_saved_model(seeing, tmp_path))).signatures["tensors"]
    keras_says = parity.answers(parity.keras_runner(seeing.inference()), images, "")
    difference = serving(images=tf.constant(images))["probabilities"] - keras_says["probabilities"]
    assert np.abs(difference).max() < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number_format", "tolerance", "grey_levels"),
    [("float32", 1e-4, 0.1), ("float16", 5e-3, 0.5), ("dynamic", 0.1, 3), ("int8", 0.15, 3)],
)
def test_formats_stay_near_keras(
    exported: tuple[Path, Any], number_format: str, tolerance: float, grey_levels: float
) -> None:
    report = exported[1][number_format]["parity"]
    assert report["images"] == 14
    assert report["max_probability_difference"] < tolerance
    assert report["mean_average_face_difference"] < grey_levels
    assert report["keras_ms"] > 0


@pytest.mark.slow
def test_formats_shrink(exported: tuple[Path, Any]) -> None:
    sizes = {name: metadata["parity"]["megabytes"] for name, metadata in exported[1].items()}
    assert sizes["float16"] < 0.6 * sizes["float32"]
    assert sizes["int8"] < 0.4 * sizes["float32"]
    assert sizes["dynamic"] < 0.4 * sizes["float32"]


@pytest.mark.slow
def test_int8_keeps_attention_in_float(exported: tuple[Path, Any]) -> None:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(exported[0] / "ifgan_int8.tflite"))
    types = {detail["index"]: detail["dtype"] for detail in interpreter.get_tensor_details()}
    operations = interpreter._get_ops_details()
    attention = [op for op in operations if op["op_name"] in ("SOFTMAX", "BATCH_MATMUL")]
    convolutions = [op for op in operations if op["op_name"] == "CONV_2D"]
    assert len(attention) >= 9  # three modules of one softmax and two products
    assert {types[op["outputs"][0]] for op in attention} == {np.float32}
    assert {types[op["outputs"][0]] for op in convolutions} == {np.int8}


@pytest.mark.slow
@pytest.mark.parametrize("number_format", tflite.FORMATS)
def test_same_interface_in_every_format(run: RunFolder, exported: tuple[Path, Any], number_format: str) -> None:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(exported[0] / f"ifgan_{number_format}.tflite"))
    signature = interpreter.get_signature_runner("serving_default")
    image, face = signature.get_input_details()["image"], signature.get_output_details()["average_face"]
    probabilities = signature.get_output_details()["probabilities"]
    assert (tuple(image["shape"]), image["dtype"]) == ((1, 32, 32, 3), np.uint8)
    assert (tuple(face["shape"]), face["dtype"]) == ((1, 32, 32, 3), np.uint8)
    assert (tuple(probabilities["shape"]), probabilities["dtype"]) == ((1, 7), np.float32)


def test_labels_and_metadata_inside_and_beside(run: RunFolder, float32: tuple[Path, Any]) -> None:
    with zipfile.ZipFile(float32[0]) as package:
        assert tuple(package.read("labels.txt").decode().split()) == run.classes()
        inside = json.loads(package.read("metadata.json"))
    assert inside == json.loads(float32[0].with_suffix(".json").read_text()) == float32[1]
    assert (inside["image_size"], inside["working_size"]) == (32, 37)
    assert inside["classifier_input"] == "pair"
    content = float32[0].read_bytes()[: inside["model"]["bytes"]]
    assert hashlib.sha256(content).hexdigest() == inside["model"]["sha256"]


def test_baseline_has_one_output(make_run: Callable[..., RunFolder], tmp_path: Path) -> None:
    some = "disgust,happiness,sadness,surprise,neutral"
    metadata = export_tflite(make_run("input", classes=some), tmp_path, parity_images=4)["float32"]
    assert ",".join(metadata["labels"]) == some and metadata["outputs"]["probabilities"]["shape"] == [1, 5]
    assert set(metadata["outputs"]) == {"probabilities"}
    assert metadata["networks"] == "E"
    assert "max_average_face_difference" not in metadata["parity"]
    assert metadata["parity"]["max_probability_difference"] < 1e-4


def test_accuracy_that_falls_is_refused_and_the_others_written(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faces = faces_of(run, "test")
    model = run.inference()
    right = parity.answers(parity.keras_runner(model), faces.images, "")["probabilities"].argmax(axis=1)
    relabelled = dataclasses.replace(faces, labels=right.astype(np.int32))
    monkeypatch.setattr("ifgan_tf.evaluation.predictions.faces_of", lambda *_: relabelled)
    contrary = tf.keras.Model(model.input, {**model.output, "probabilities": 1 - model.output["probabilities"]})
    contents = {"float16": convert(contrary, "float32"), "float32": convert(model, "float32")}
    monkeypatch.setattr("export.conversion.convert", lambda _, number_format, *__: contents[number_format])
    with pytest.raises(UserError, match=r"--format=float16.*--allow_accuracy_drop"):
        export_tflite(run, tmp_path, ("float16", "float32"))
    assert {file.stem for file in tmp_path.iterdir()} == {"ifgan_float32"}
    parity_report = export_tflite(run, tmp_path, ("float16",), allow_accuracy_drop=True)["float16"]["parity"]
    assert (tmp_path / "ifgan_float16.tflite").is_file()
    assert parity_report["keras_accuracy"] == 1
    assert parity_report["accuracy"] < 0.5


@pytest.mark.parametrize(("right", "refused"), [(170, False), (168, False), (167, True)])
def test_one_point_is_allowed(right: int, refused: bool) -> None:
    # 0.85 - 0.84 is a little more than 0.01 in floating point.
    assert tflite.loses_accuracy({"images": 200, "keras_accuracy": 0.85, "accuracy": right / 200}) == refused


def test_without_data(
    run: RunFolder, float32: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = float32[0].read_bytes()[: float32[1]["model"]["bytes"]]
    monkeypatch.setattr("export.conversion.convert", lambda *_: content)
    with pytest.raises(UserError, match="--data_dir"):
        export_tflite(run, tmp_path, data_dir=str(tmp_path / "nowhere"))
    metadata = export_tflite(run, tmp_path, data_dir=str(tmp_path / "nowhere"), parity_images=0)["float32"]
    assert "parity" not in metadata
    assert (tmp_path / "ifgan_float32.tflite").is_file()


def test_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> int:
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match="No space left"):
        tflite.write(tmp_path / "out" / "model.tflite", b"content", {"labels": ["anger"]}, b"detector")
    assert not list((tmp_path / "out").iterdir())
