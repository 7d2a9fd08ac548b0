"""Damaged pictures and videos through predict, classify and check: nothing ends a run, nothing goes missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.fuzz import fuzz


@pytest.mark.slow
def test_no_damaged_file_ends_a_run(model_file: Path, tmp_path: Path) -> None:
    outcomes = fuzz(model_file, pictures=84, videos=12, seed=1, folder=tmp_path)
    assert [outcome.faults for outcome in outcomes] == [[]] * 4
    assert [sum(outcome.counts.values()) for outcome in outcomes] == [96, 84, 84, 12]
