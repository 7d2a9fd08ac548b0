from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import softmax

from ifgan_tf.evaluation.predictions import faces_of, predict_with
from ifgan_tf.run_folder import TEMPERATURES, RunFolder
from ifgan_tf.training import loop
from ifgan_tf.training.calibration import calibrate, cross_entropy, fit_temperature


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_the_temperature_that_was_used_is_found(temperature):
    """Labels drawn from softmax(logits / T)."""
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 3, (20_000, 7))
    labels = (softmax(logits / temperature, axis=1).cumsum(axis=1) > generator.random((20_000, 1))).argmax(axis=1)
    assert fit_temperature(logits.astype(np.float32), labels) == pytest.approx(temperature, rel=0.03)


def test_it_has_the_least_cross_entropy():
    generator = np.random.default_rng(1)
    logits, labels = generator.normal(0, 3, (50, 7)), generator.integers(0, 7, 50)
    logits[np.arange(50), labels] += 4
    best = fit_temperature(logits, labels)
    probabilities = [softmax(logits / T, axis=1) for T in (best / 1.1, best, 1.1 * best)]
    by_hand = [-np.mean(np.log(each[np.arange(50), labels])) for each in probabilities]
    assert by_hand[1] < min(by_hand[0], by_hand[2])
    assert cross_entropy(logits, labels, best) == pytest.approx(by_hand[1])


def test_faces_that_are_all_named_right_say_nothing_of_it():
    assert fit_temperature(3 * np.eye(7), np.arange(7)) == 1.0


def test_logits_that_say_nothing_stay_within_bounds():
    logits = np.array([[9.0, 0.0], [9.0, 0.0], [0.0, 9.0], [0.0, 9.0]])
    assert fit_temperature(logits, np.array([0, 1, 0, 1])) == pytest.approx(TEMPERATURES[1], rel=1e-3)


def cross_entropy_of(predictions):
    detected, rows = predictions.faces.detected, np.arange(len(predictions))
    return -np.mean(np.log(predictions.probabilities[rows, predictions.faces.labels])[detected])


def test_all_that_leaves_a_run_is_calibrated_and_names_the_same(make_run, tmp_path):
    run = make_run(tmp_path / "run", fold=9)  # validated on people among whom is the picture without a face
    faces = faces_of(run, "validation")
    assert not faces.detected.all()
    before = predict_with(run, faces, "best", "")
    calibrate(run)
    told = json.loads(run.calibration_file.read_text())
    after = predict_with(run, faces, "best", "")
    assert told["images"] == faces.detected.sum() and told["temperature"] == run.temperature() != 1.0
    assert told["cross_entropy"]["before"] == pytest.approx(cross_entropy_of(before), abs=1e-5)
    assert told["cross_entropy"]["after"] == pytest.approx(cross_entropy_of(after), abs=1e-5)
    assert told["cross_entropy"]["after"] < told["cross_entropy"]["before"]
    np.testing.assert_array_equal(after.predicted, before.predicted)
    said = run.inference()(faces.images[:], training=False)["probabilities"]
    np.testing.assert_allclose(said, after.probabilities, atol=1e-5)
    last = predict_with(run, faces, "last", "")
    np.testing.assert_array_equal(last.probabilities, before.probabilities)  # the same networks in this run


def test_a_training_ends_with_it_and_a_finished_one_makes_up_for_it(make_config, data_dir, tmp_path):
    config = make_config(data_dir, batch_size=32, epochs=1, classifier_input="input")
    run = RunFolder(tmp_path / "run")
    loop.train(config, run.path)
    told = run.calibration_file.read_text()
    assert json.loads(told)["images"] == len(faces_of(run, "validation"))
    run.calibration_file.unlink()
    loop.train(config, run.path)
    assert run.calibration_file.read_text() == told
    run.calibration_file.write_text("of a finished run, which is left alone")
    loop.train(config, run.path)
    assert run.calibration_file.read_text().startswith("of a finished run")
    run.metrics_file.write_text("")  # not finished after all
    loop.train(config, run.path)
    assert run.calibration_file.read_text() == told


def test_without_validation_there_is_none(make_config, data_dir, tmp_path):
    config = make_config(data_dir, batch_size=32, epochs=1, classifier_input="input", validation="none")
    loop.train(config, tmp_path)
    assert not RunFolder(tmp_path).calibration_file.exists() and RunFolder(tmp_path).temperature() == 1.0
