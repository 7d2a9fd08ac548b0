"""Rows of trials: what is read of them, what is run, and the table that comes out."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from benchmarks import trials
from ifgan_tf.errors import UserError


def rows_file(folder: Path, text: str) -> Path:
    file = folder / "rows.txt"
    file.write_text(text)
    return file


def test_rows_name_runs_above_them(tmp_path):
    file = rows_file(tmp_path, "# a remark\n\nbaseline: --model=baseline\nbegun: --epochs=3 --warm_start={baseline}\n")
    rows = trials.read_rows(file, tmp_path / "runs")
    assert rows[1] == trials.Row("begun", ("--epochs=3", f"--warm_start={tmp_path / 'runs' / 'baseline'}"))


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "has no row"),
        ("no colon", "expected `name: flags`"),
        ("two words: --epochs=1", "expected `name: flags`"),
        ("one: --epochs=1\none: --epochs=2", "every name once"),
        ("one: --warm_start={later}\nlater:", "names of rows above"),
    ],
)
def test_what_is_no_row_is_said(tmp_path, text, said):
    with pytest.raises(UserError, match=said):
        trials.read_rows(rows_file(tmp_path, text), tmp_path)


def test_a_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(UserError, match=r"--rows=.*nothing\.txt: cannot be read"):
        trials.read_rows(tmp_path / "nothing.txt", tmp_path)


def test_what_is_evaluated_is_not_evaluated_again_and_the_table_compares(tmp_path, monkeypatch):
    commands: list[tuple[str, ...]] = []

    def pretend(script: str, *arguments: str) -> None:
        commands.append((script, *arguments))
        if script == "train.py":
            Path(arguments[-2].partition("=")[2]).mkdir(exist_ok=True)
        else:
            folder = Path(arguments[0].partition("=")[2])
            _evaluated(folder, right=7 if folder.name == "baseline" else 9)

    monkeypatch.setattr(trials, "_run", pretend)
    rows = trials.read_rows(rows_file(tmp_path, "baseline: --model=baseline\nours: --epochs=3\n"), tmp_path)
    for _ in range(2):
        for row in rows:
            trials.train(row, ["--data_dir=D"], ["0", "3"], tmp_path)
    trained = [command for command in commands if command[0] == "train.py"]
    assert trained == 2 * [
        ("train.py", "--data_dir=D", *row.flags, f"--workdir={tmp_path / row.name}", f"--folds={fold}")
        for row in rows
        for fold in ("0", "3")
    ]
    assert len([command for command in commands if command[0] == "evaluate.py"]) == 2
    told = trials.table(rows, tmp_path)
    assert "1 folds, 10 test images" in told and "+20.00" in told and "`--epochs=3`" in told


def _evaluated(folder: Path, right: int) -> None:
    out = folder / "evaluation"
    out.mkdir(parents=True, exist_ok=True)
    told = {"method": "IF-GAN", "classes": ["anger", "fear"], "config": {"data": {"dataset": "bu_3dfe"}}}
    (out / "report.json").write_text(json.dumps(told))
    with (out / "predictions.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["source", "frame", "subject", "fold", "label", "predicted"])
        writer.writeheader()
        for i in range(10):
            row = {"source": f"{i}.png", "frame": 0, "subject": f"F{i}", "fold": 0, "label": "fear"}
            writer.writerow(row | {"predicted": "fear" if i < right else "anger"})
