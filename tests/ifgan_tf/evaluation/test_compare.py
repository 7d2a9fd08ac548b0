"""Runs beside each other, against counts made by hand."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from ifgan_tf.errors import UserError
from ifgan_tf.evaluation.compare import compare, difference, read_run, write_comparison
from ifgan_tf.labels import BASIC

REFERENCE = [True] * 6 + [False] * 4


def write_run(
    folder: Path,
    right: list[bool],
    method: str = "IF-GAN",
    dataset: str = "bu_3dfe",
    classes: tuple[str, ...] = BASIC,
    **data: str,
) -> Path:
    """An evaluated run: ten images, frames of five videos, one a subject, over two folds."""
    out = folder / "evaluation"
    out.mkdir(parents=True)
    told = {"method": method, "classes": list(classes), "config": {"data": {"dataset": dataset, **data}}}
    (out / "report.json").write_text(json.dumps(told))
    with (out / "predictions.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["source", "frame", "subject", "fold", "label", "predicted"])
        writer.writeheader()
        for i, good in enumerate(right):
            row = {"source": f"{i % 5}.flv", "frame": i, "subject": f"F{i % 5}", "fold": i // 5, "label": "fear"}
            writer.writerow(row | {"predicted": "fear" if good else "anger"})
    return folder


def test_difference_by_hand():
    reference = np.array([True] * 6 + [False] * 14)
    other = np.array([False] * 1 + [True] * 5 + [True] * 8 + [False] * 6)
    found = difference(reference, other, np.arange(20))
    assert found.difference == pytest.approx(7 / 20)
    assert (found.only_reference, found.only_this) == (1, 8)
    assert found.p_value == pytest.approx(2 * (1 + 9) / 2**9)  # P(X <= 1) + P(X >= 8), X ~ Bin(9, 1/2)
    assert found.low < found.difference < found.high


def test_the_interval_is_of_subjects_not_of_images():
    """20 subjects who are each all right or all wrong say no more than 20 images would."""
    reference = np.zeros(400, bool)
    other = np.repeat(np.arange(20) < 10, 20)
    by_subject = difference(reference, other, np.repeat(np.arange(20), 20))
    by_image = difference(reference, other, np.arange(400))
    assert by_subject.high - by_subject.low > 3 * (by_image.high - by_image.low)


def test_equal_runs_do_not_differ():
    same = np.array([True, False, True])
    found = difference(same, same, np.arange(3))
    assert (found.difference, found.low, found.high, found.p_value) == (0, 0, 0, 1)


def test_rows_of_two_runs(tmp_path):
    better = [True] * 9 + [False]
    runs = [write_run(tmp_path / "a", REFERENCE, "ResNet101"), write_run(tmp_path / "b", better)]
    first, second = compare([read_run(run) for run in runs])
    assert (first["method"], first["folds"], first["images"]) == ("ResNet101", "2", "10")
    assert first["accuracy %"] == "60.00 ± 40.00" and first["pooled %"] == "60.00"
    assert "McNemar p" not in first
    assert second["pooled %"] == "90.00" and second["difference [95 %]"].startswith("+30.00 [")
    assert second["only the first : only this right"] == "0 : 3" and second["McNemar p"] == "0.25"


def test_only_images_that_all_runs_have_are_compared(tmp_path, capsys):
    runs = [write_run(tmp_path / "a", REFERENCE), write_run(tmp_path / "b", [True] * 5)]  # the second: fold 0 alone
    rows = write_comparison(runs)
    assert rows[0]["images"] == "5" and rows[0]["folds"] == "1" and rows[1]["pooled %"] == "100.00"
    text = (tmp_path / "a" / "evaluation" / "compare.md").read_text()
    assert "5 test images are not in every run" in text and text in capsys.readouterr().out
    table = list(csv.DictReader((tmp_path / "a" / "evaluation" / "compare.csv").open()))
    assert [row["run"] for row in table] == [str(run) for run in runs]
    assert "different classes" not in text


def test_a_closed_set_is_not_compared_with_people_nobody_learnt_from(tmp_path):
    closed = write_run(tmp_path / "b", REFERENCE, fold_by="recording")
    with pytest.raises(UserError, match=r"--fold_by=subject and .* --fold_by=recording; expected runs with the same"):
        write_comparison([write_run(tmp_path / "a", REFERENCE), closed])


def test_a_run_that_was_trained_on_what_others_validate_on_is_named(tmp_path):
    whole = write_run(tmp_path / "whole", REFERENCE, validation="none")
    write_comparison([write_run(tmp_path / "a", REFERENCE), whole])
    text = (tmp_path / "a" / "evaluation" / "compare.md").read_text()
    assert f"to validate on in {whole} (--validation=none)" in text


def test_runs_of_different_classes_say_so(tmp_path):
    few = write_run(tmp_path / "b", REFERENCE, classes=("anger", "fear"))
    rows = write_comparison([write_run(tmp_path / "a", REFERENCE), few])
    assert [row["classes"] for row in rows] == ["6", "2"]
    assert "tell different classes apart" in (tmp_path / "a" / "evaluation" / "compare.md").read_text()


def test_a_run_that_was_not_evaluated_is_named(tmp_path):
    with pytest.raises(UserError, match=r"report.json is missing; evaluate the run first"):
        read_run(tmp_path / "none")


def test_damaged_files_are_named(tmp_path):
    run = write_run(tmp_path / "a", REFERENCE)
    (run / "evaluation" / "report.json").write_text("{")
    with pytest.raises(UserError, match=f"--compare={run}: its evaluation cannot be read"):
        read_run(run)


def test_a_report_nested_without_end_is_named(tmp_path):
    run = write_run(tmp_path / "a", REFERENCE)
    (run / "evaluation" / "report.json").write_text("[" * 100_000)
    with pytest.raises(UserError, match=f"--compare={run}: its evaluation cannot be read"):
        read_run(run)


def test_names_that_look_like_formulas_are_those_of_the_data(tmp_path):
    run = write_run(tmp_path / "a", REFERENCE)
    file = run / "evaluation" / "predictions.csv"
    file.write_text(file.read_text().replace("0.flv", "'=0.flv").replace("F0", "'+F0"))
    found = read_run(run)
    assert (0, "=0.flv", 0) in found.right and found.subjects[(0, "=0.flv", 0)] == "+F0"


def test_runs_on_other_data_or_other_folds_are_refused(tmp_path):
    one = write_run(tmp_path / "a", REFERENCE)
    with pytest.raises(UserError, match=r"was tested on bu_3dfe and .* on mmi"):
        write_comparison([one, write_run(tmp_path / "b", REFERENCE, dataset="mmi")])
    with pytest.raises(UserError, match="no test image of the same fold in common"):
        write_comparison([one, write_run(tmp_path / "c", [])])
    with pytest.raises(UserError, match="at least two run folders"):
        write_comparison([one])
