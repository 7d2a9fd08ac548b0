"""Damaged pictures and videos through predict, classify and check: nothing ends a run, nothing goes missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.fuzz import fuzz
from export.tflite import export_tflite
from ifgan_tf.run_folder import RunFolder


@pytest.mark.slow
def test_no_damaged_file_ends_a_run(run: RunFolder, tmp_path: Path) -> None:
    export_tflite(run, tmp_path / "model", parity_images=0)
    (tmp_path / "work").mkdir()
    model = tmp_path / "model" / "ifgan_float32.tflite"
    outcomes = fuzz(model, pictures=84, videos=12, seed=1, folder=tmp_path / "work")
    assert [outcome.faults for outcome in outcomes] == [[]] * 4
    assert [sum(outcome.counts.values()) for outcome in outcomes] == [96, 84, 84, 12]
