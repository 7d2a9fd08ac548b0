"""Whose pictures are looked at, and what is known of the people."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from crowd import EXPRESSIONS, TARGETS, group
from tiny_sets import faces_of

from ifgan_tf.labels import BASIC
from ifgan_tf.privacy.groups import balanced, read_attributes


def test_choosing_faces_keeps_people_and_expressions_balanced():
    who = group(TARGETS)
    names = np.array([f"S{number}" for number in who.subjects])
    faces = faces_of(who.labels, subjects=names)
    chosen = balanced(faces, most=len(names) - 1)
    assert len(chosen) == TARGETS * EXPRESSIONS
    assert len(set(zip(chosen.subjects.tolist(), chosen.labels.tolist(), strict=True))) == TARGETS * EXPRESSIONS
    assert len(balanced(faces, most=10_000)) == len(names)
    assert len(balanced(faces, most=1)) == TARGETS * EXPRESSIONS


def test_attributes_are_read_from_the_built_data(data_dir: Path):
    read = read_attributes("bu_3dfe", str(data_dir), BASIC)
    assert list(read) == ["ethnicity"]
    assert read["ethnicity"]["F0002/F0002_anger0.png"] == "WH"
