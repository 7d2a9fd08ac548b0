"""Attackers find identity where it is, and nothing where there is none."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from crowd import BACKGROUND, EACH, EXPRESSIONS, SIDE, TARGETS, group, portraits, same_for_all
from tiny import tiny_config, write_run
from tiny_sets import SUBJECTS, face_of

from ifgan_tf.data import folds, splits
from ifgan_tf.data.built_sets import Faces
from ifgan_tf.privacy import audit, convolutional, estimates
from ifgan_tf.privacy.estimates import Estimate
from ifgan_tf.privacy.groups import Group
from ifgan_tf.run_folder import RunFolder


def lowest_bit(images: np.ndarray, who: Group, first: int) -> np.ndarray:
    """Hides the person's number in the lowest bit of eight values in a corner."""
    hidden = images.copy()
    for index, person in enumerate(who.subjects + first):
        for bit in range(8):
            value = hidden[index, 0, bit, 0]
            hidden[index, 0, bit, 0] = (value & 0xFE) | (int(person) >> bit & 1)
    return hidden


def faint_pattern(images: np.ndarray, who: Group, first: int) -> np.ndarray:
    """Adds -2 or 2 to every value, in a pattern of the person's own."""
    patterns = np.random.default_rng(5).choice([-2, 2], size=(first + who.people, SIDE, SIDE, 3))
    return (images.astype(int) + patterns[who.subjects + first]).astype(np.uint8)


@pytest.fixture(scope="module")
def leakage() -> audit.Leakage:
    background, targets = group(BACKGROUND), group(TARGETS)
    nothing = (same_for_all(background, 1), same_for_all(targets, 2))
    averages = np.stack([same_for_all(targets, 3)[targets.labels == label][0] for label in range(EXPRESSIONS)])
    pictures = {
        "photo": (portraits(background, 0, 4), portraits(targets, BACKGROUND, 5)),
        "generated": nothing,
        "lowest_bit": (lowest_bit(nothing[0], background, 0), lowest_bit(nothing[1], targets, BACKGROUND)),
        "faint_pattern": (faint_pattern(nothing[0], background, 0), faint_pattern(nothing[1], targets, BACKGROUND)),
        "average": (averages[background.labels], averages[targets.labels]),
    }
    random = np.random.default_rng(0)
    feature = (random.normal(size=(len(background.subjects), 16)), random.normal(size=(len(targets.subjects), 16)))
    with pytest.MonkeyPatch.context() as patch:  # enough for pictures this plain
        patch.setattr(convolutional, "BACKGROUND_STEPS", 60)
        patch.setattr(convolutional, "TARGETS_STEPS", 30)
        return audit.attack(pictures, feature, background, targets, seed=0)


def test_attackers_recognise_people_in_photos(leakage: audit.Leakage):
    assert leakage["subjects"] == TARGETS and leakage["chance"] == 1 / TARGETS
    assert leakage["photo"]["top1"].value >= 0.9
    assert leakage["photo"]["auc"].value >= 0.8


@pytest.mark.parametrize("planted", ["lowest_bit", "faint_pattern"])
def test_a_planted_leak_is_caught(leakage: audit.Leakage, planted: str):
    assert leakage[planted]["top1"].value >= 0.9
    assert leakage[planted]["top1"].value > leakage["generated"]["top1"].interval[1]


def test_nothing_is_found_where_nothing_is(leakage: audit.Leakage):
    for name in ("generated", "feature"):
        low, _ = leakage[name]["top1"].interval
        assert low <= 0.55 and leakage[name]["top1"].value <= 2 * leakage["chance"], name
        assert 0.35 <= leakage[name]["auc"].value <= 0.65, name


def test_the_average_face_is_exactly_chance(leakage: audit.Leakage):
    average = leakage["average"]
    for rate in average["attackers"].values():
        assert rate.value == pytest.approx(1 / TARGETS, abs=1e-12)  # a mean of sixths and halves
    assert average["auc"].value == 0.5 and average["tar_at_far_1_percent"].value <= 0.011


def test_attributes_are_measured_against_their_chance(leakage: audit.Leakage):
    found = leakage["photo"]["attributes"]["ethnicity"]
    assert found["chance"] == 0.5 and 0 <= found["balanced_accuracy"].value <= 1
    assert leakage["average"]["attributes"]["ethnicity"]["balanced_accuracy"].value == 0.5


def test_the_report_has_the_designs_names_and_intervals(leakage: audit.Leakage):
    plain = audit.to_json(leakage)
    low, high = plain["photo"]["top1_interval"]
    assert low <= plain["photo"]["top1"] <= high
    assert isinstance(plain["reconstruction_psnr"]["generated"], float)
    assert plain["feature"].keys() >= {"top1", "auc"}


def test_folds_are_averaged_and_people_added_up():
    def fold(value: float, targets: int) -> audit.Leakage:
        return {"subjects": targets, "chance": 1 / targets, "photo": {"top1": Estimate(value, np.full(200, value))}}

    merged = audit.merge([fold(0.5, 4), fold(1.0, 2)])
    assert merged["subjects"] == 6 and merged["chance"] == pytest.approx(0.375)
    assert merged["photo"]["top1"].value == 0.75


def test_data_without_people_are_not_measured(make_run: Callable[..., RunFolder], tmp_path: Path, caplog, monkeypatch):
    read = audit.faces_of

    def without_people(*arguments: object) -> Faces:
        faces = read(*arguments)  # type: ignore[arg-type]
        return dataclasses.replace(faces, subjects=np.full(len(faces), ""))

    monkeypatch.setattr(audit, "faces_of", without_people)
    with caplog.at_level("INFO"):
        assert audit.measure(make_run(tmp_path / "run")) is None
    assert "does not say who" in caplog.text


def test_in_a_closed_set_people_are_named_by_what_was_learnt_of_them(monkeypatch):
    """Half of every person's pictures are enrolled; what the others give away is measured on the others alone."""
    monkeypatch.setattr(convolutional, "BACKGROUND_STEPS", 60)
    monkeypatch.setattr(convolutional, "TARGETS_STEPS", 30)
    everybody = group(TARGETS)
    enrolled, tested = (np.arange(number, len(everybody.subjects), EACH) for number in (0, 1))
    known, order = len(enrolled), np.concatenate([enrolled, tested])
    attributes = {name: values[order] for name, values in everybody.attributes.items()}
    targets = Group(everybody.subjects[order], everybody.labels[order], attributes)
    pictures = {
        name: (images[order][:known], images[order])
        for name, images in (("photo", portraits(everybody, 0, 4)), ("generated", same_for_all(everybody, 1)))
    }
    found = audit.attack(pictures, None, targets.part(slice(known)), targets, seed=0, enrolled=known)
    assert found["chance"] == 1 / TARGETS and found["images"] == len(order) - known
    assert found["photo"]["top1"].value >= 0.9
    assert found["generated"]["top1"].value <= 2.5 * found["chance"]
    assert set(found["reconstruction_psnr"]) == {"constant", "average", "generated"}


def test_a_closed_set_is_enrolled_with_its_training_recordings(several_sets: Path, tmp_path: Path, monkeypatch):
    for name in ("BACKGROUND_STEPS", "TARGETS_STEPS"):
        monkeypatch.setattr(convolutional, name, 5)
    monkeypatch.setattr(estimates, "REPLICATES", 20)
    settings = {"dataset": "crema_d/intended", "classes": "anger,happiness", "fold_by": "recording"}
    config = tiny_config(data_dir=str(several_sets), attention=False, **settings)
    run = write_run(tmp_path / "run", config, SUBJECTS, lambda label: face_of(99, label, 0), {"best": 1})
    folds.save(splits.load(config.data, 0).fold, run.folds_file)
    found = audit.measure(run)
    assert found is not None and found["subjects"] == 10 and found["chance"] == pytest.approx(1 / 10)
    assert found["images"] == 10 * 2 * 2 * 2 // 10  # two clips of two expressions, two frames each, a tenth of them
    assert found["photo"]["top1"].value > 0.5  # a test "face" has the very hue that its person was enrolled with
