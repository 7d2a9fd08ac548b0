import math

import numpy as np

from benchmarks import class_table
from ifgan_tf.evaluation.metrics import NO_FACE


def test_a_picture_without_a_face_is_an_error_of_its_class():
    judged = class_table.figures(np.array([0, 0, 3, 3]), np.array([0, NO_FACE, 3, 6]))
    assert judged["accuracy"] == judged["anger"] == judged["happiness"] == 0.5
    assert math.isnan(judged["neutral"])


def _row(tested, seed, value):
    return {"tested on": tested, "seed": seed, **dict.fromkeys(class_table.FIGURES, value)}


def test_seeds_are_put_together_test_set_by_test_set():
    rows = [_row("one", 0, 0.5), _row("other", 0, 0.9), _row("one", 1, 0.7)]
    one, other = class_table.over_seeds(rows, ("tested on",))
    assert (one["tested on"], one["runs"], other["tested on"], other["runs"]) == ("one", 2, "other", 1)
    np.testing.assert_allclose([one["accuracy"], one["fear"], one["spread"]], [0.6, 0.6, 0.2])
    assert other["spread"] == 0


def test_figures_are_per_cent_and_what_is_not_shown_is_empty():
    text = class_table.markdown([{**_row("one", 3, 0.5), "neutral": math.nan}])
    assert text.splitlines()[-1] == f"| one | 3 | {' | '.join(['50.0'] * 7)} |  |"
