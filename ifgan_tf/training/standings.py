"""How far the folds of a run have come, on validation if there is one; the test images are left to evaluate.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ifgan_tf import files
from ifgan_tf.evaluation.report import markdown_table
from ifgan_tf.run_folder import RunFolder, fold_folders
from ifgan_tf.training import selection


def write_summary(workdir: Path) -> tuple[Path, str]:
    """Writes `workdir/summary.md`, a row for every fold that has been trained so far.

    Args:
      workdir: folder of `fold_00` … `fold_09`, at least one of them with a finished epoch.

    Returns:
      The file and the table.
    """
    rows = [(run, lines) for run in fold_folders(workdir) if (lines := run.metrics())]
    best = [selection.best(lines) for _, lines in rows]
    accuracies = [line["validation"]["accuracy"] for line in best if "validation" in line]
    table_rows = [_row(run, lines) for run, lines in rows]
    if accuracies:
        spread = f"{100 * np.mean(accuracies):.2f} ± {100 * np.std(accuracies):.2f}"
        table_rows.append({"fold": "mean ± std", "best, %": spread})
    table = markdown_table(table_rows, right=("epochs", "best epoch", "best, %", "last, %"))
    path = workdir / "summary.md"
    title = "Accuracy on the validation images" if accuracies else "No validation: the last epoch counts"
    files.write_text(path, f"{title}\n\n{table}\n")
    return path, table


def _row(run: RunFolder, lines: list[dict[str, Any]]) -> dict[str, str]:
    config, best = run.config(), selection.best(lines)
    row = {"fold": str(config.run.fold), "epochs": f"{lines[-1]['epoch']} of {config.optimizer.epochs}"}
    if "validation" in best:
        row["best epoch"] = str(best["epoch"])
        row["best, %"] = f"{100 * best['validation']['accuracy']:.2f}"
        row["last, %"] = f"{100 * lines[-1]['validation']['accuracy']:.2f}"
    return row
