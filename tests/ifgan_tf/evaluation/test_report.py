"""The report of one or several folds: its figures, tables and files."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tiny_sets import faces_of

from ifgan_tf.config import Config
from ifgan_tf.evaluation import report
from ifgan_tf.evaluation.model_card import model_card
from ifgan_tf.evaluation.predictions import Predictions


def predictions_of(truth: list[int], named: list[int], detected: list[bool] | None = None) -> Predictions:
    """Predictions with 0.7 for the class named, the rest shared among the other five."""
    count = len(truth)
    probabilities = np.full((count, 6), 0.06, np.float32)
    probabilities[np.arange(count), named] = 0.7
    faces = faces_of(
        truth,
        side=32,
        subjects=[f"F{i % 2:04d}" for i in range(count)],
        sources=[f"{count - i:03d}.png" for i in range(count)],
        detected=detected or [True] * count,
    )
    return Predictions(faces, probabilities, np.zeros((count, 32, 32, 3), np.uint8))


MakeConfig = Callable[..., Config]
BEST = predictions_of([0, 1, 2, 2], [0, 1, 2, 0])
LAST = predictions_of([0, 1, 2, 2], [0, 0, 0, 0])


@pytest.fixture
def config(make_config: MakeConfig) -> Config:
    return make_config(Path("data"))


@pytest.fixture
def two_folds(config: Config) -> report.Report:
    first = report.fold_report(0, BEST, LAST, (7, 100))
    second = report.fold_report(3, predictions_of([0, 1], [1, 1]), predictions_of([0, 1], [0, 1]), (9, 100))
    return report.run_report(config, [first, second], {5: "no such checkpoint"})


def test_a_fold_by_hand():
    fold = report.fold_report(0, BEST, LAST, (7, 100))
    assert fold["images"] == 4 and fold["subjects"] == 2
    assert fold["accuracy"] == pytest.approx(3 / 4)
    assert fold["mean_class_accuracy"] == pytest.approx((1 + 1 + 0.5) / 3)
    assert fold["last_epoch_accuracy"] == pytest.approx(1 / 4)
    assert fold["ece"] == pytest.approx(abs(0.75 - 0.7), abs=1e-6)
    assert np.array(fold["confusion"])[2].tolist() == [1, 0, 1, 0, 0, 0]
    assert (fold["best_epoch"], fold["last_epoch"]) == (7, 100)


def test_undetected_faces_lower_the_end_to_end_figures_and_are_counted():
    fold = report.fold_report(0, predictions_of([0, 1, 2, 2], [0, 1, 2, 2], [True, True, True, False]), LAST, (7, 100))
    assert fold["accuracy"] == pytest.approx(3 / 4)
    assert fold["detected_accuracy"] == 1.0
    assert fold["coverage"] == pytest.approx(3 / 4)
    assert fold["undetected"] == [0, 0, 1, 0, 0, 0]
    assert np.sum(fold["confusion"]) == 3


def test_what_each_image_tells_is_a_mean_over_the_folds(config: Config):
    shares = ({"photo_shuffled": 0.5, "face_shuffled": 0.25}, {"photo_shuffled": 0.7, "face_shuffled": 0.15})
    folds = [report.fold_report(fold, BEST, LAST, (7, 100), told) for fold, told in enumerate(shares)]
    text = report.markdown(report.run_report(config, folds, {}))
    assert "photo it is right in 60.00 %" in text and "face in 20.00 %" in text and "its own in 75.00 %" in text


def test_training_images_without_a_face_are_told_of(config: Config):
    left = ((0, {"ck_plus": 2}), (3, {"mmi": 1}))
    folds = [report.fold_report(fold, BEST, LAST, (7, 100), None, undetected) for fold, undetected in left]
    merged = report.run_report(config, folds, {})
    told = "neither trained on nor averaged: 0 to 2 a fold of ck_plus, 0 to 1 a fold of mmi."
    assert told in report.markdown(merged) and told in model_card(merged)
    merged = report.run_report(config, folds[:1], {})
    assert "neither trained on nor averaged: 2 of ck_plus." in report.markdown(merged)


def test_several_folds_are_merged_and_what_is_missing_is_said(two_folds: report.Report):
    merged = two_folds
    assert merged["accuracy"]["mean"] == pytest.approx((0.75 + 0.5) / 2)
    assert merged["accuracy"]["std"] == pytest.approx(0.125)
    assert merged["accuracy"]["pooled"] == pytest.approx((3 + 1) / 6)
    assert merged["missing_folds"] == [1, 2, 4, 5, 6, 7, 8, 9]
    text = report.markdown(merged)
    assert "folds 0, 3 of 10" in text and "missing: 1-2, 4-9" in text
    assert "Fold 5 was not evaluated: no such checkpoint" in text


def test_an_unfinished_training_is_said(config: Config, two_folds: report.Report):
    merged = report.run_report(config, [report.fold_report(0, BEST, LAST, (2, 3))], {})
    assert "Fold 0 is not finished: epoch 3 of 100" in report.markdown(merged)
    assert "not finished" not in report.markdown(two_folds)


def test_the_official_split_has_no_folds_to_miss(config: Config):
    config = dataclasses.replace(config, data=dataclasses.replace(config.data, dataset="raf_db"))
    merged = report.run_report(config, [report.fold_report(0, BEST, LAST, (7, 100))], {})
    assert "missing_folds" not in merged
    rows = {row["method"]: row for row in report.comparison(merged)}
    assert rows["IF-GAN"]["accuracy_percent"] == "88.33"
    assert rows["IF-GAN, classifier_input=generated"]["accuracy_percent"] == "75.00"


def test_our_row_stands_beside_the_papers_and_says_what_the_classifier_saw(two_folds: report.Report):
    rows = report.comparison(two_folds)
    published = {row["method"]: row["accuracy_percent"] for row in rows[:-1]}
    assert published["ResNet-101"] == "82.50" and published["IF-GAN"] == "85.25"
    assert published["IF-GAN w/o attention"] == "84.25"
    assert rows[-1]["method"] == "IF-GAN, classifier_input=generated"
    assert rows[-1]["accuracy_percent"] == "62.50" and rows[-1]["std_percent"] == "12.50"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"classifier_input": "pair"}, "IF-GAN, classifier_input=pair"),
        ({"classifier_input": "pair", "attention": False}, "IF-GAN w/o attention, classifier_input=pair"),
        ({"classifier_input": "input"}, "SmallCNN + island loss, classifier_input=input"),
    ],
)
def test_methods_have_the_papers_names(make_config: MakeConfig, settings: dict[str, object], expected: str):
    assert report.method_name(make_config(Path("data"), **settings)) == expected


def test_every_test_image_has_its_row():
    rows = report.prediction_rows(0, BEST, ["anger", "disgust", "fear", "happiness", "sadness", "surprise"])
    assert [row["source"] for row in rows] == ["001.png", "002.png", "003.png", "004.png"]
    assert rows[0]["label"] == "fear" and rows[0]["predicted"] == "anger" and rows[0]["confidence"] == "0.7000"
    read = list(csv.DictReader(io.StringIO(report.csv_text(rows))))
    assert read == rows


def test_a_picture_without_a_face_has_no_prediction():
    lost = predictions_of([0], [0], [False])
    assert report.prediction_rows(0, lost, ["anger", "b", "c", "d", "e", "f"])[0]["predicted"] == ""


def test_leakage_stands_beside_accuracy(config: Config):
    def found(value: float) -> dict[str, object]:
        figures = {"top1": value, "top1_interval": [value - 0.1, value + 0.1], "auc": 0.8, "auc_interval": [0.7, 0.9]}
        return figures | {"tar_at_far_1_percent": 0.25}

    identity = {
        "subjects": 4,
        "images": 48,
        "chance": 0.25,
        "photo": found(0.9) | {"expression_accuracy": 0.75},
        "generated": found(0.5) | {"attributes": {"ethnicity": {"balanced_accuracy": 0.6, "chance": 0.5}}},
        "reconstruction_psnr": {"constant": 15.0, "generated": 16.25},
    }
    merged = report.run_report(config, [report.fold_report(0, BEST, LAST, (7, 100))], {}, identity)
    assert merged["identity"] == identity
    photo, generated = report.identity_rows(identity)
    assert photo["top-1 %"] == "90.0 [80, 100]" and photo["expression %"] == "75.0" and photo["rebuilt photo, dB"] == ""
    assert generated["rebuilt photo, dB"] == "16.2" and generated["ethnicity (chance 50) %"] == "60.0"
    text = report.markdown(merged)
    assert "chance of naming the right one 25.0 %" in text
    assert "ethnicity (chance 50) %" in text and "| generated" in text


def detail_of(**intensities: float) -> dict[str, object]:
    """Detail with R² of intensity as given, and half of it for action units 1 and 12."""
    found = {"subjects": 15, "images": 270}
    for name, value in intensities.items():
        figures = {"intensity": value, "action_units": value / 2}
        figures |= {f"{kind}_interval": [figure - 0.1, figure + 0.1] for kind, figure in figures.items()}
        units = {"1": value / 2, "1_interval": [0.0, 1.0], "12": value / 2, "12_interval": [0.0, 1.0]}
        found[name] = figures | {"units": units, "readers": {}}
    return found


def test_detail_stands_beside_accuracy(config: Config):
    detail = detail_of(photo=0.5, generated=0.4, label=-0.02)
    merged = report.run_report(config, [report.fold_report(0, BEST, LAST, (7, 100))], {}, detail=detail)
    assert merged["detail"] == detail and "identity" not in merged
    assert report.detail_rows(detail)[2] == {
        "seen by the reader": "label",
        "intensity, R²": "-0.02 [-0.12, 0.08]",
        "action units, R²": "-0.01 [-0.11, 0.09]",
    }
    text = report.markdown(merged)
    assert "15 people, 270 graded images" in text and "the mean over 1, 12," in text
    assert "0.40 [0.30, 0.50]" in text and "0.40 [0.30, 0.50]" in model_card(merged)


def test_without_action_units_the_table_has_none():
    (row,) = report.detail_rows({"subjects": 2, "photo": {"intensity": 0.5, "intensity_interval": [0.4, 0.6]}})
    assert list(row) == ["seen by the reader", "intensity, R²"]


def test_markdown_tables_are_aligned():
    table = report.markdown_table([{"name": "a", "value": "1.00"}, {"name": "long", "value": "10.00"}], right=["value"])
    assert table.splitlines() == [
        "| name | value |",
        "| ---- | ----: |",
        "| a    |  1.00 |",
        "| long | 10.00 |",
    ]


def test_files_are_written_whole(tmp_path: Path):
    path = report.write_text(tmp_path / "evaluation" / "a.txt", "text")
    assert path.read_text() == "text" and [p.name for p in path.parent.iterdir()] == ["a.txt"]


def clips(named: list[int], detected: list[bool]) -> Predictions:
    """Frames of three recordings, two each, of the classes 0, 1 and 2."""
    predictions = predictions_of([0, 0, 1, 1, 2, 2], named, detected)
    recordings = np.array(["1001/a", "1001/a", "1001/b", "1001/b", "1002/a", "1002/a"])
    return dataclasses.replace(predictions, faces=dataclasses.replace(predictions.faces, recordings=recordings))


def test_the_frames_of_a_recording_answer_together():
    surer = clips([0, 1, 1, 1, 2, 2], [True] * 6)
    surer.probabilities[0, 0] = 0.9  # surer than the second frame's 0.7 for another
    assert report.by_recording(surer) == (3, 3)
    assert report.by_recording(clips([0, 0, 1, 0, 1, 2], [True, True, False, True, False, False])) == (3, 1)
    fold = report.fold_report(0, surer, surer, (7, 100))
    assert fold["recordings"] == 3 and fold["recording_accuracy"] == 1.0 and fold["accuracy"] < 1
    assert "recordings" not in report.fold_report(0, BEST, LAST, (7, 100))  # one image each


def test_a_peer_stands_beside_ours_on_crema_d(make_config: MakeConfig):
    answers = clips([0, 1, 1, 1, 2, 0], [True] * 6)
    identity = {
        "subjects": 91,
        "images": 600,
        "chance": 1 / 91,
        "generated": {
            "top1": 0.05,
            "top1_interval": [0, 0.1],
            "auc": 0.5,
            "auc_interval": [0.4, 0.6],
            "tar_at_far_1_percent": 0.01,
        },
        "reconstruction_psnr": {"constant": 12.0},
    }
    for fold_by, words in (("recording", "A closed set (--fold_by=recording)"), ("subject", "No test subject was")):
        config = make_config(Path("data"), fold_by=fold_by)
        config = dataclasses.replace(config, data=dataclasses.replace(config.data, dataset="crema_d/rated"))
        told = report.run_report(config, [report.fold_report(0, answers, answers, (7, 100))], {}, identity)
        rows = report.comparison(told)
        assert [row["accuracy_percent"] for row in rows[:2]] == ["78.84", "66.67"]
        ours = "5.00" if fold_by == "recording" else ""
        assert [row["person_named_percent"] for row in rows] == ["2.01", ours, ""]
        folds = [report.fold_report(number, answers, answers, (7, 100)) for number in (0, 1)]
        (*_, total, _) = report.fold_rows(report.run_report(config, folds, {}))
        assert (total["images"], total["subjects"]) == ("12", "2" if fold_by == "recording" else "4")
        assert rows[2]["method"].endswith("by recording")
        text = report.markdown(told)
        assert words in text and "another protocol" in text and words in model_card(told)
        assert ("## What identifies a person (closed set" in text) == (fold_by == "recording")


def test_no_cell_of_a_table_is_run_by_a_spreadsheet():
    rows = [{"source": "=cmd|' /C calc'!A0", "accuracy": "-0.5", "+name": "@SUM(1)"}]
    table = list(csv.reader(io.StringIO(report.csv_text(rows))))
    assert table == [["source", "accuracy", "'+name"], ["'=cmd|' /C calc'!A0", "-0.5", "'@SUM(1)"]]
