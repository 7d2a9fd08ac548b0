"""Attackers find identity where it is, and nothing where there is none."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from ifgan_tf.data.built_sets import Faces
from ifgan_tf.errors import UserError
from ifgan_tf.privacy import attackers, audit
from ifgan_tf.privacy.audit import Sample
from ifgan_tf.privacy.estimates import Estimate
from ifgan_tf.run_folder import RunFolder

OTHERS, PEOPLE, EXPRESSIONS, EACH, SIDE = 6, 4, 6, 2, 32


def sample(people: int) -> Sample:
    keys = [(who, label) for who in range(people) for label in range(EXPRESSIONS) for _ in range(EACH)]
    subjects, labels = np.array(keys).T
    return Sample(subjects, labels.astype(np.int32), {"ethnicity": np.where(subjects % 2, "WH", "BL")})


def same_for_all(who: Sample, seed: int) -> np.ndarray:
    """Smooth pictures that show the expression and a little chance, but nothing of the person: uint8."""
    random = np.random.default_rng(seed)
    plain = np.random.default_rng(99).normal(size=(EXPRESSIONS, 4, 4, 3))
    blobs = plain[who.labels] + random.normal(0, 0.3, (len(who.labels), 4, 4, 3))
    large = np.stack([cv2.resize(blob, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for blob in blobs])
    return np.clip(127 + 40 * large, 2, 253).astype(np.uint8)


def portraits(who: Sample, first: int, seed: int) -> np.ndarray:
    """The same with a blob that is the person's own."""
    own = np.random.default_rng(7).normal(size=(first + who.people, 4, 4, 3))[first:]
    large = np.stack([cv2.resize(blob, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for blob in own])
    return np.clip(same_for_all(who, seed) + 40 * large[who.subjects], 0, 255).astype(np.uint8)


def lowest_bit(images: np.ndarray, who: Sample, first: int) -> np.ndarray:
    """Hides the person's number in the lowest bit of eight values in a corner."""
    hidden = images.copy()
    for index, person in enumerate(who.subjects + first):
        for bit in range(8):
            value = hidden[index, 0, bit, 0]
            hidden[index, 0, bit, 0] = (value & 0xFE) | (int(person) >> bit & 1)
    return hidden


def faint_pattern(images: np.ndarray, who: Sample, first: int) -> np.ndarray:
    """Adds -2 or 2 to every value, in a pattern of the person's own."""
    patterns = np.random.default_rng(5).choice([-2, 2], size=(first + who.people, SIDE, SIDE, 3))
    return (images.astype(int) + patterns[who.subjects + first]).astype(np.uint8)


@pytest.fixture(scope="module")
def leakage() -> audit.Leakage:
    others, people = sample(OTHERS), sample(PEOPLE)
    nothing = (same_for_all(others, 1), same_for_all(people, 2))
    averages = np.stack([same_for_all(people, 3)[people.labels == label][0] for label in range(EXPRESSIONS)])
    pictures = {
        "photo": (portraits(others, 0, 4), portraits(people, OTHERS, 5)),
        "generated": nothing,
        "lowest_bit": (lowest_bit(nothing[0], others, 0), lowest_bit(nothing[1], people, OTHERS)),
        "faint_pattern": (faint_pattern(nothing[0], others, 0), faint_pattern(nothing[1], people, OTHERS)),
        "average": (averages[others.labels], averages[people.labels]),
    }
    random = np.random.default_rng(0)
    feature = (random.normal(size=(len(others.subjects), 16)), random.normal(size=(len(people.subjects), 16)))
    with pytest.MonkeyPatch.context() as patch:  # enough for pictures this plain
        patch.setattr(attackers, "OTHERS_STEPS", 60)
        patch.setattr(attackers, "PEOPLE_STEPS", 30)
        return audit.attack(pictures, feature, others, people, seed=0)


def test_attackers_recognise_people_in_photos(leakage: audit.Leakage):
    assert leakage["subjects"] == PEOPLE and leakage["chance"] == 1 / PEOPLE
    assert leakage["photo"]["top1"].value >= 0.9
    assert leakage["photo"]["auc"].value >= 0.8


def test_a_person_is_found_by_what_tells_other_people_apart():
    # Three values say who it is, under thirty louder ones that say nothing.
    random, others, people = np.random.default_rng(3), sample(20), sample(PEOPLE)

    def features(who: Sample) -> np.ndarray:
        own = random.normal(size=(who.people, 3))[who.subjects]
        return np.hstack([own + random.normal(0, 0.1, own.shape), random.normal(0, 30, (len(own), 30))])

    theirs, own = features(others), features(people)
    found = audit._attack_features(theirs, own, others, people, audit.expression_splits(people, 0), seed=0)
    assert found["attackers"]["discriminant"].value >= 0.9 > found["attackers"]["linear"].value
    assert found["top1"].value == found["attackers"]["discriminant"].value


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
    assert all(rate.value == 1 / PEOPLE for rate in average["attackers"].values())
    assert average["auc"].value == 0.5 and average["tar_at_far_1_percent"].value <= 0.011


def test_a_photo_is_rebuilt_from_what_is_left_of_it_and_no_better_without():
    others, people = sample(OTHERS * 4), sample(PEOPLE)
    photos = (portraits(others, 0, 4), portraits(people, OTHERS * 4, 5))
    pictures = {
        "photo": photos,
        "half": (photos[0] // 2, photos[1] // 2),
        "generated": (same_for_all(others, 1), same_for_all(people, 2)),
    }
    psnr = {k: v.value for k, v in audit._reconstruct(pictures, others, people, 0)["reconstruction_psnr"].items()}
    assert set(psnr) == {"constant", "average", "half", "generated"}
    assert psnr["average"] >= psnr["constant"]  # the expression is known
    assert psnr["half"] > psnr["average"] + 3
    assert psnr["generated"] < psnr["average"] + 0.5  # nothing of the person to rebuild


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


def test_splits_never_share_an_expression():
    people = sample(PEOPLE)
    splits = audit.expression_splits(people, seed=0)
    assert len(splits) == 2 * audit.HALVINGS
    for known, asked in splits:
        assert not set(people.labels[known]) & set(people.labels[asked])
        assert set(people.subjects[known]) == set(people.subjects[asked]) == set(range(PEOPLE))


def test_a_person_with_one_expression_is_left_out_of_identification():
    people = Sample(np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 1], np.int32), {})
    for known, asked in audit.expression_splits(people, seed=0):
        assert 2 not in people.subjects[known] and 2 not in people.subjects[asked]


def test_choosing_faces_keeps_people_and_expressions_balanced():
    who = sample(PEOPLE)
    names = np.array([f"S{number}" for number in who.subjects])
    faces = Faces(np.zeros((len(names), 2, 2, 3), np.uint8), who.labels, names, names, np.ones(len(names), bool))
    chosen = audit.balanced(faces, most=len(names) - 1)
    assert len(chosen) == PEOPLE * EXPRESSIONS
    assert len(set(zip(chosen.subjects.tolist(), chosen.labels.tolist(), strict=True))) == PEOPLE * EXPRESSIONS
    assert len(audit.balanced(faces, most=10_000)) == len(names)
    assert len(audit.balanced(faces, most=1)) == PEOPLE * EXPRESSIONS


def test_folds_are_averaged_and_people_added_up():
    def fold(value: float, people: int) -> audit.Leakage:
        return {"subjects": people, "chance": 1 / people, "photo": {"top1": Estimate(value, np.full(200, value))}}

    merged = audit.merge([fold(0.5, 4), fold(1.0, 2)])
    assert merged["subjects"] == 6 and merged["chance"] == pytest.approx(0.375)
    assert merged["photo"]["top1"].value == 0.75


def test_an_embedding_of_the_users_is_read_and_checked(tmp_path: Path):
    import keras

    model = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(8)])
    model.save(tmp_path / "embedding.keras")
    embed = audit.load_embedding(tmp_path / "embedding.keras")
    assert embed(np.zeros((3, 32, 32, 3), np.uint8)).shape == (3, 8)

    (tmp_path / "broken.keras").write_text("no model")
    with pytest.raises(UserError, match="not a Keras model file"):
        audit.load_embedding(tmp_path / "broken.keras")
    keras.Sequential([keras.Input((5,)), keras.layers.Dense(8)]).save(tmp_path / "other.keras")
    with pytest.raises(UserError, match="expected \\(batch, side, side, 3\\)"):
        audit.load_embedding(tmp_path / "other.keras")


def test_attributes_are_read_from_the_built_data(data_dir: Path):
    read = audit.read_attributes("bu_3dfe", str(data_dir), 6)
    assert list(read) == ["ethnicity"]
    assert read["ethnicity"]["F0002/F0002_anger0.png"] == "WH"


def test_data_without_people_are_not_measured(make_run: Callable[..., RunFolder], tmp_path: Path, caplog, monkeypatch):
    read = audit.faces_of

    def without_people(*arguments: object) -> Faces:
        faces = read(*arguments)  # type: ignore[arg-type]
        return dataclasses.replace(faces, subjects=np.full(len(faces), ""))

    monkeypatch.setattr(audit, "faces_of", without_people)
    with caplog.at_level("INFO"):
        assert audit.measure(make_run(tmp_path / "run")) is None
    assert "does not say who" in caplog.text
