from __future__ import annotations

from pathlib import Path

import pytest
from tiny_sets import example_of, face_of, write_built_set

from benchmarks.built_state import differences


def written(folder: Path, labels: list[int]) -> Path:
    examples = [
        example_of("S000", f"S000/{number}", label, face_of(0, label, number)) for number, label in enumerate(labels)
    ]
    write_built_set(folder, "synthetic_faces", {"train": examples})
    return folder


@pytest.mark.parametrize(("labels", "different"), [([0, 1, 2], 0), ([0, 3, 2], 1), ([0, 1], 1), ([0, 1, 2, 3], 1)])
def test_examples_are_compared_one_by_one(tmp_path: Path, labels: list[int], different: int):
    one = written(tmp_path / "one", [0, 1, 2])
    assert differences("synthetic_faces", one, written(tmp_path / "other", labels)) == different
