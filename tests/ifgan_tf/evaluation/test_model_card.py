from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from tiny_sets import faces_of

from ifgan_tf.evaluation import report
from ifgan_tf.evaluation.model_card import model_card
from ifgan_tf.evaluation.predictions import Predictions


def predictions(named: list[int]) -> Predictions:
    faces = faces_of(range(6), side=32)
    return Predictions(faces, np.eye(6, dtype=np.float32)[named], None)


def card_of(config, named=(0, 1, 3, 3, 4, 5), identity=None) -> str:
    fold = report.fold_report(0, predictions(list(named)), predictions([0] * 6), (7, 100))
    return model_card(report.run_report(config, [fold], {}, identity))


def test_it_says_what_was_trained_and_tested(make_config):
    config = make_config(Path("/somewhere/data"))
    config = dataclasses.replace(config, data=dataclasses.replace(config.data, additional_data="ck_plus,mmi"))
    card = card_of(config)
    assert "the training subjects of each fold; beside it: ck_plus,mmi" in card
    assert "fold 0 of 10. missing: 1-9" in card
    assert "Weakest expression: fear, 0.0 % right" in card
    assert "--lambda_l1=20.0" in card and "/somewhere" not in card
    assert "Not measured." in card


def test_it_says_what_training_images_went_through(make_config):
    config = make_config(Path("data"))
    assert "Random crop, mirror, rotation up to 5 degrees, colour jitter 0." in card_of(config)
    data = dataclasses.replace(config.data, distortions="all", min_intensity=2)
    card = card_of(dataclasses.replace(config, data=data))
    assert "Mirror, colour jitter 0, distortions (all). Expressions weaker than grade 2 were not learnt from." in card
    assert "rotation up to" not in card and "crop" not in card.partition("## Configuration")[0]


def test_it_says_what_the_people_in_the_data_agreed_to_and_what_the_licence_asks(make_config):
    config = make_config(Path("data"))
    data = dataclasses.replace(config.data, dataset="crema_d/rated", additional_data="ck_plus,synthetic_faces/tiny")
    card = card_of(dataclasses.replace(config, data=data))
    part = card.partition("## Consent and licence of the data")[2].partition("## Tested on")[0]
    of_crema_d, of_ck_plus, of_drawn = part.strip().split("\n\n")
    assert "Open Database License" in of_crema_d and "no legal advice" in of_crema_d
    assert of_ck_plus.startswith("ck_plus: given out by its owners") and "do not exist" in of_drawn


def test_only_a_run_on_the_generated_face_may_be_called_identity_free(make_config):
    cards = {kind: card_of(make_config(Path("data"), classifier_input=kind)) for kind in ("generated", "pair", "input")}
    assert [kind for kind, card in cards.items() if "identity-free" in card] == ["generated"]
    assert "sees the person's own face" in cards["pair"]


def test_raf_db_claims_no_more_than_its_owners_split(make_config):
    config = make_config(Path("data"))
    card = card_of(dataclasses.replace(config, data=dataclasses.replace(config.data, dataset="raf_db")))
    assert "official split" in card and "rests on the owners' split" in card
    assert "Nobody in the test images was trained on" not in card


def test_a_class_without_images_is_not_the_weakest(make_config):
    some = predictions([0, 1, 3, 3, 4, 5])
    without_anger = Predictions(some.faces.select(some.faces.labels > 0), some.probabilities[1:], None)
    fold = report.fold_report(0, without_anger, without_anger, (7, 100))
    card = model_card(report.run_report(make_config(Path("data")), [fold], {}))
    assert "Weakest expression: fear, 0.0 % right" in card


def test_it_says_how_its_confidence_is_calibrated(make_config):
    unsure = Predictions(faces_of(range(6), side=32), np.full((6, 6), 0.1) + 0.4 * np.eye(6), None)
    folds = [report.fold_report(0, unsure, unsure, (7, 100), temperature=T) for T in (2.0, 1.0)]
    config = make_config(Path("data"))
    card = model_card(report.run_report(config, folds, {}))
    # 0.5 squared is 25 times 0.1 squared: 25 / 30 without temperature, and all of it right
    assert "50.0 points (calibration error, worst fold) after temperature scaling (T = 2.00, fitted on" in card
    assert "without it 16.7 points)" in card
    assert "temperature scaling" not in model_card(report.run_report(config, folds[1:], {}))
