"""Predictions of a run folder on the faces of its fold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ifgan_tf.data.built_sets import iterate
from ifgan_tf.errors import UserError
from ifgan_tf.evaluation.metrics import NO_FACE
from ifgan_tf.evaluation.predictions import BATCH, faces_of, features, predict, predict_with
from ifgan_tf.faces.geometry import model_view
from ifgan_tf.labels import BASIC
from ifgan_tf.models.inference import build_inference
from ifgan_tf.run_folder import RunFolder

MakeRun = Callable[..., RunFolder]


@pytest.fixture(scope="module")
def run(make_run: MakeRun, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return make_run(tmp_path_factory.mktemp("runs") / "run", classifier_input="pair")


def test_faces_of_a_part_are_those_of_its_subjects_and_of_the_classes_in_use(run: RunFolder):
    parts = {part: faces_of(run, part) for part in ("train", "validation", "test")}
    for part, faces in parts.items():
        assert set(faces.subjects.tolist()) == set(getattr(run.fold(), part))
        assert set(faces.labels.tolist()) == set(range(6))
    assert len(parts["test"]) == 2 * 6 * 2
    assert parts["test"].images.shape[1:] == (32, 32, 3)


def test_faces_are_cropped_as_every_other_command_crops_them(run: RunFolder, data_dir: Path):
    faces = faces_of(run, "test")
    example = next(iterate("bu_3dfe", str(data_dir), "train", BASIC))
    index = faces.sources.tolist().index(example["source"].decode())
    np.testing.assert_array_equal(faces.images[index], model_view(example["image"], 32))


def test_an_undetected_face_is_an_error_whatever_the_networks_say(run: RunFolder):
    predictions = predict_with(run, faces_of(run, "test"), "best", "")
    lost = ~predictions.faces.detected
    assert lost.sum() == 1
    assert (predictions.predicted[lost] == NO_FACE).all() and not predictions.correct[lost].any()
    assert (predictions.predicted[~lost] == predictions.probabilities[~lost].argmax(axis=1)).all()


def test_training_faces_are_those_that_were_found(make_run: MakeRun, tmp_path: Path):
    run = make_run(tmp_path / "run", fold=2)
    faces = faces_of(run, "train")
    assert "F0001" in faces.subjects and faces.detected.all() and len(faces) == 16 * 6 * 2 - 1


def test_batches_do_not_change_what_the_model_says(run: RunFolder):
    networks = run.networks("best")
    model = build_inference(run.config().model.classifier_input, networks.generator, networks.classifier)
    faces = faces_of(run, "train")
    assert len(faces) > BATCH
    predictions = predict(model, faces, "test")
    index = len(faces) - 1  # in the last, smaller batch
    alone = model(faces.images[index : index + 1], training=False)
    np.testing.assert_allclose(predictions.probabilities[index], np.asarray(alone["probabilities"])[0], atol=1e-5)
    assert predictions.generated is not None
    difference = predictions.generated[index].astype(int) - np.asarray(alone["average_face"])[0]
    assert np.abs(difference).max() <= 1


def test_the_baseline_has_no_generated_faces(make_run: MakeRun, tmp_path: Path):
    run = make_run(tmp_path / "run", classifier_input="input")
    predictions = predict_with(run, faces_of(run, "validation"), "best", "")
    assert predictions.generated is None
    np.testing.assert_allclose(predictions.probabilities.sum(axis=1), 1.0, atol=1e-5)


def test_the_feature_is_what_the_probabilities_are_made_from(run: RunFolder):
    networks, faces = run.networks("best"), faces_of(run, "test")
    logits = (
        features(run.config().model.classifier_input, networks, faces)
        @ networks.classifier.get_layer("logits").kernel.numpy()
    )
    expected = predict_with(run, faces, "best", "").probabilities
    np.testing.assert_allclose(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), expected, atol=1e-4)


def test_data_that_are_not_there_are_named(run: RunFolder, tmp_path: Path):
    with pytest.raises(UserError, match="not built"):
        faces_of(run, "test", str(tmp_path))
