"""A run whose faces were aligned to other points: whatever is made of it aligns to these, in Python and on a device."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export import classify, tflite, web_demo
from export.saved_model import export_saved_model
from ifgan_tf.data import templates
from ifgan_tf.errors import UserError
from ifgan_tf.faces.geometry import TEMPLATE, align
from ifgan_tf.recognition.recognizer import Recognizer

OTHER = np.array([[70.0, 84.0], [186.0, 84.0], [128.0, 156.0]], np.float32)


@pytest.fixture(scope="module")
def exports(make_run: Callable, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    run, folder = make_run(), tmp_path_factory.mktemp("exports")
    templates.save(OTHER, run.template_file)
    tflite.export_tflite(run, folder, parity_images=0)
    export_saved_model(run, folder / "served")
    return {"keras": run.path, "saved_model": folder / "served", "tflite": folder / "ifgan_float32.tflite"}


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return pytest.importorskip("skimage.data").astronaut()[:240, 120:340]


@pytest.mark.parametrize("kind", ["keras", "saved_model", "tflite"])
def test_the_recognizer_aligns_to_it(exports: dict[str, Path], photo: np.ndarray, kind: str) -> None:
    recognizer = Recognizer(exports[kind])
    np.testing.assert_array_equal(recognizer.template, OTHER)
    (face,) = recognizer.predict(photo)
    told = np.array(list(face.probabilities.values()))
    (theirs, ours), _ = recognizer.classify([align(photo, face.landmarks, to) for to in (OTHER, TEMPLATE)])
    np.testing.assert_allclose(told, theirs, atol=1e-5)
    assert np.abs(told - ours).max() > 1e-4


def test_the_one_file_aligns_to_it(
    exports: dict[str, Path], photo: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(photo).save(tmp_path / "photo.png")
    model = str(exports["tflite"])
    assert classify.main([f"--model={model}", str(tmp_path / "photo.png")]) == 0
    told = json.loads(capsys.readouterr().out)["probabilities"]
    classifier = classify.Classifier(model)
    landmarks = classifier.detect(photo)[0].landmarks
    np.testing.assert_array_equal(classifier.find(photo), align(photo, landmarks, OTHER))
    assert told == classifier.probabilities(align(photo, landmarks, OTHER))
    assert told != classifier.probabilities(align(photo, landmarks))


def _with_metadata(model: Path, target: Path, change: Callable[[dict], object]) -> Path:
    """The same file with other metadata."""
    with zipfile.ZipFile(model) as package:
        metadata, detector = json.loads(package.read("metadata.json")), package.read("face_detector.tflite")
    change(metadata)
    tflite.write(target, model.read_bytes()[: metadata["model"]["bytes"]], metadata, detector)
    return target


def test_a_file_of_before_templates_were_kept_aligns_to_the_projects_own(
    exports: dict[str, Path], tmp_path: Path
) -> None:
    old = _with_metadata(exports["tflite"], tmp_path / "old.tflite", lambda metadata: metadata.pop("template"))
    np.testing.assert_array_equal(classify.Classifier(str(old)).template, TEMPLATE)
    np.testing.assert_array_equal(Recognizer(old).template, TEMPLATE)


@pytest.mark.parametrize("template", [None, "eyes", [[1, 2]], [[5, 5], [5, 5], [5, 5]]])
def test_a_damaged_template_is_named(exports: dict[str, Path], tmp_path: Path, template: object) -> None:
    file = _with_metadata(
        exports["tflite"], tmp_path / "damaged.tflite", lambda metadata: metadata.update(template=template)
    )
    with pytest.raises(classify.UserError, match="not a model of this project, or damaged"):
        classify.Classifier(str(file))
    with pytest.raises(UserError, match=r"not a \.tflite file written by export\.tflite, or damaged"):
        web_demo.write_demo(file, tmp_path / "demo")
