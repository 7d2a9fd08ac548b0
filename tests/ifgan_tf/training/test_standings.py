from __future__ import annotations

import dataclasses
import json

from ifgan_tf import config as config_lib
from ifgan_tf.run_folder import fold_folder
from ifgan_tf.training.standings import write_summary


def test_a_row_for_every_fold_so_far(tmp_path, tiny_config):
    for fold, accuracies in ((0, [0.5, 0.75, 0.75]), (3, [0.25]), (7, [])):
        folder = fold_folder(tmp_path, fold)
        folder.mkdir()
        config = dataclasses.replace(
            tiny_config,
            run=dataclasses.replace(tiny_config.run, fold=fold),
            optimizer=dataclasses.replace(tiny_config.optimizer, epochs=3),
        )
        config_lib.save(config, folder / "config.json")
        lines = [
            {"epoch": k + 1, "validation": {"accuracy": accuracy, "cross_entropy": 1 - 0.1 * k}}
            for k, accuracy in enumerate(accuracies)
        ]
        (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    path, table = write_summary(tmp_path)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    assert rows[0] == ["0", "3 of 3", "3", "75.00", "75.00"]  # of equals the lowest cross-entropy, as the checkpoint is
    assert rows[1] == ["3", "1 of 3", "1", "25.00", "25.00"]
    assert rows[2][0] == "mean ± std" and rows[2][3] == "50.00 ± 25.00"
    assert table in path.read_text() and path.name == "summary.md"


def test_without_validation_the_rows_tell_how_far_the_folds_are(tmp_path, tiny_config):
    folder = fold_folder(tmp_path, 2)
    folder.mkdir()
    data = dataclasses.replace(tiny_config.data, validation="none")
    run = dataclasses.replace(tiny_config.run, fold=2)
    config_lib.save(dataclasses.replace(tiny_config, data=data, run=run), folder / "config.json")
    (folder / "metrics.jsonl").write_text('{"epoch": 1, "train": {}}\n')
    path, table = write_summary(tmp_path)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    assert rows[0] == ["fold", "epochs"] and rows[2:] == [["2", "1 of 2"]]
    assert path.read_text().startswith("No validation")
