"""What faces were aligned to, kept in a file."""

from __future__ import annotations

import numpy as np
import pytest

from ifgan_tf.data import templates
from ifgan_tf.errors import UserError
from ifgan_tf.faces.geometry import TEMPLATE

OTHER = np.array([[80.25, 96.5], [176, 97], [128.125, 160]], np.float32)


def test_saved_and_loaded(tmp_path):
    templates.save(OTHER, tmp_path / "template.json")
    np.testing.assert_array_equal(templates.load(tmp_path / "template.json"), OTHER)


def test_a_set_of_before_templates_were_kept_has_the_projects_own(data_dir):
    np.testing.assert_array_equal(templates.of_built_set("bu_3dfe", str(data_dir)), TEMPLATE)


@pytest.mark.parametrize(
    "text", ["", "{}", "[[1, 2], [3, 4]]", "[[80, 96], [176, 96], [128, 300]]", "[[9, 9], [9, 9], [9, 9]]", "[" * 9999]
)
def test_a_damaged_file_is_named(tmp_path, text):
    (tmp_path / "template.json").write_text(text)
    with pytest.raises(UserError, match=r"template.json: not a template"):
        templates.load(tmp_path / "template.json")
