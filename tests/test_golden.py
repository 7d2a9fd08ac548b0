"""Checkpoints and run folders of today's networks are still read: what `tests/golden.py` wrote."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
from from_config import loaded
from golden import CHECKPOINT, CONFIG, OUTPUTS, VARIABLES, outputs, variables

WHAT_TO_DO = "checkpoints of before fit no more; on purpose? then python -m tests.golden"


def test_a_kept_checkpoint_still_gives_what_it_gave(tmp_path):
    with zipfile.ZipFile(CHECKPOINT) as kept:
        kept.extractall(tmp_path)
    given = outputs(loaded(CONFIG, tmp_path))
    with np.load(OUTPUTS) as recorded:
        assert set(recorded) == set(given)
        for name, expected in recorded.items():
            assert np.std(expected) > 0.1
            np.testing.assert_allclose(given[name], expected, atol=1e-5, err_msg=WHAT_TO_DO)


@pytest.mark.slow
def test_every_variable_of_the_presets_networks_has_its_name_and_shape():
    assert list(variables()) == VARIABLES.read_text(encoding="utf-8").splitlines(), WHAT_TO_DO
