"""Detail: what is read of strangers beside the expression's name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from tiny_sets import bu_3dfe_examples, faces_of, write_built_set

from datasets.synthetic_faces import action_units
from ifgan_tf.evaluation.predictions import Predictions
from ifgan_tf.privacy import detail, estimates, regression
from ifgan_tf.privacy.audit import to_json
from ifgan_tf.run_folder import RunFolder

SIDE, CLASSES, EACH = 32, 3, 6
SMILE, BROW = detail.ACTION_UNITS.index(12), detail.ACTION_UNITS.index(4)
Shown = tuple[Predictions, dict[tuple[str, int], np.ndarray]]


def shown(people: int, first: int) -> Shown:
    """People whose photos show the grade as a bar, and whose generated faces show the smile alone."""
    random = np.random.default_rng(first)
    subjects, labels = (values.ravel() for values in np.mgrid[:people, :CLASSES, :EACH][:2])
    grades = random.integers(1, 5, len(labels))
    units = np.zeros((len(labels), len(detail.ACTION_UNITS)))
    units[:, SMILE], units[:, BROW] = random.uniform(0, 1, len(labels)), labels / CLASSES
    pictures = np.clip(random.normal(90, 5, (2, len(labels), SIDE, SIDE, 3)), 0, 255)
    pictures[0, :, 4:10] += 25 * grades[:, np.newaxis, np.newaxis, np.newaxis]
    pictures[1, :, 20:26] += 100 * units[:, SMILE, np.newaxis, np.newaxis, np.newaxis]
    names = [f"P{first + subject:02d}" for subject in subjects]
    faces = faces_of(
        labels,
        images=pictures[0].astype(np.uint8),
        subjects=names,
        sources=[f"{name}/{number}" for number, name in enumerate(names)],
        intensities=grades.astype(np.int32),
    )
    answers = np.eye(CLASSES, dtype=np.float32)[random.integers(0, CLASSES, len(labels))]
    known = {(source, 0): row for source, row in zip(faces.sources.tolist(), units, strict=True)}
    return Predictions(faces, answers, pictures[1].astype(np.uint8)), known


@pytest.fixture(scope="module")
def found() -> dict[str, object]:
    (learnt, one), (judged, other) = shown(8, 0), shown(5, 50)
    averages = np.random.default_rng(9).integers(0, 256, (CLASSES, SIDE, SIDE, 3), dtype=np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(regression, "STEPS", 60)
        feature = (learnt.faces.intensities[:, np.newaxis] ** 2.0, judged.faces.intensities[:, np.newaxis] ** 2.0)
        return to_json(detail.read(learnt, judged, averages, feature, one | other, seed=0))


def test_each_picture_tells_what_it_shows(found):
    assert found["subjects"] == 5 and found["images"] == 5 * CLASSES * EACH
    assert found["photo"]["intensity"] > 0.7 and found["photo"]["units"]["12"] < 0.2
    assert found["generated"]["units"]["12"] > 0.7 and found["generated"]["intensity"] < 0.2
    assert found["feature"]["intensity"] > 0.7 and found["feature"]["units"]["12"] < 0.2


def test_the_label_tells_what_depends_on_it_alone(found):
    assert found["label"]["units"]["4"] > 0.99
    assert max(found["label"]["intensity"], found["label"]["units"]["12"]) < 0.1
    for name in ("answer", "average_of_prediction"):  # answers here are drawn at random
        assert found[name]["action_units"] < 0.1


def test_only_units_that_vary_count(found):
    assert [name for name in found["photo"]["units"] if not name.endswith("_interval")] == ["4", "12"]
    generated = found["generated"]
    assert generated["action_units"] == pytest.approx((generated["units"]["4"] + generated["units"]["12"]) / 2)


def test_the_strongest_reader_counts_and_every_reader_is_told(found):
    for kind in ("intensity", "action_units"):
        readers = found["photo"]["readers"]
        assert set(readers) == {"pixels", "gradients", "network"}
        assert found["photo"][kind] == max(reader[kind] for reader in readers.values())
        low, high = found["photo"][f"{kind}_interval"]
        assert low < found["photo"][kind] < high


def test_r_squared_by_hand():
    truth, answer = np.array([[1.0], [2.0], [3.0]]), np.array([[1.0], [2.0], [1.0]])
    assert detail.r_squared(truth, answer, np.ones(3)).tolist() == [pytest.approx(1 - 4 / 2)]
    assert detail.r_squared(truth, answer, np.array([1, 1, 0])).tolist() == [1.0]
    assert np.isnan(detail.r_squared(truth, answer, np.array([0, 2, 0]))).all()


def test_units_are_those_of_the_synthetic_faces():
    assert tuple(action_units.ACTION_UNITS) == detail.ACTION_UNITS


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["generated", "input"])
def test_a_run_on_graded_data_is_read(make_run: Callable[..., RunFolder], tmp_path, monkeypatch, kind: str):
    monkeypatch.setattr(regression, "STEPS", 3)
    monkeypatch.setattr(estimates, "REPLICATES", 20)
    found = detail.detail([make_run(tmp_path / "run", classifier_input=kind)])
    assert found is not None
    assert found["subjects"] == 2 and found["images"] == 24  # two people, six expressions, two grades, no neutral
    assert {"photo", "feature", "label", "answer"} <= found.keys()
    assert ({"generated", "average_of_prediction"} <= found.keys()) == (kind == "generated")
    assert "action_units" not in found["photo"]


def test_what_is_not_graded_is_not_read(make_run: Callable[..., RunFolder], tmp_path, caplog):
    ungraded = [{**example, "intensity": 0} for example in bu_3dfe_examples()]
    write_built_set(tmp_path, "bu_3dfe", {"train": ungraded})
    with caplog.at_level("INFO"):
        assert detail.detail([make_run(tmp_path / "run")], str(tmp_path)) is None
    assert "bu_3dfe does not grade its expressions" in caplog.text
