"""A run that begins with what a baseline has learnt: which weights it takes, and from whom it may."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from from_config import networks_of, trainer_of
from tiny import changed, tiny_config, write_run
from tiny_sets import SUBJECTS

from ifgan_tf.data import folds
from ifgan_tf.errors import UserError
from ifgan_tf.models.encoder import ENCODER
from ifgan_tf.training.warm_start import check_beginning, warm_start

BASELINE = tiny_config(classifier_input="input", dataset="bu_3dfe")
PHOTOS = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def baseline(tmp_path_factory):
    folder = tmp_path_factory.mktemp("baseline")
    return write_run(
        folder / "fold_00", BASELINE, SUBJECTS, lambda label: np.zeros((256, 256, 3), np.uint8), {"best": 1}, True
    )


def begun(baseline, fold=0, **settings):
    """Networks that were given the baseline's weights."""
    config = changed(BASELINE, warm_start=str(baseline.path.parent), fold=fold, seed=5, **settings)
    networks = networks_of(config)
    warm_start(networks, config, folds.subject_fold(SUBJECTS, fold))
    return networks


def test_e_of_a_pair_begins_as_the_baseline_whatever_the_face(baseline):
    expected = baseline.networks("best").classifier(PHOTOS)
    classifier = begun(baseline, classifier_input="pair").classifier
    for face in (PHOTOS[::-1], np.ones_like(PHOTOS)):
        said = classifier(np.concatenate([PHOTOS, face], axis=-1))
        np.testing.assert_allclose(said["logits"], expected["logits"], rtol=1e-4, atol=1e-5)


def test_a_backbone_in_g_begins_with_the_baselines(baseline):
    networks = begun(baseline, classifier_input="generated", generator_encoder="backbone")
    photos = networks.generator.get_layer("preprocess")(PHOTOS)
    expected = next(layer for layer in baseline.networks("best").classifier.layers if layer.name == "small_cnn")
    np.testing.assert_allclose(
        networks.generator.get_layer(ENCODER)(photos)[-1], expected(photos), rtol=1e-4, atol=1e-5
    )


def test_e_that_sees_the_face_alone_begins_anew(baseline):
    settings = {"classifier_input": "generated", "generator_encoder": "backbone"}
    anew = networks_of(changed(BASELINE, seed=5, **settings)).classifier
    np.testing.assert_array_equal(begun(baseline, **settings).classifier.get_weights()[0], anew.get_weights()[0])


def test_the_backbone_in_g_may_be_another_than_e(baseline):
    settings = {"classifier_input": "generated", "generator_encoder": "backbone", "generator_backbone": "SmallCNN"}
    networks = begun(baseline, backbone="MobileNetV2", **settings)
    (first, *_), theirs = networks.generator.get_layer(ENCODER).get_weights(), baseline.networks("best").classifier
    np.testing.assert_array_equal(first, theirs.get_layer("small_cnn").get_weights()[0])
    with pytest.raises(UserError, match="a run with --backbone=SmallCNN, and this one has MobileNetV2"):
        begun(baseline, **{**settings, "generator_backbone": "MobileNetV2"})


@pytest.mark.parametrize("frozen", [True, False])
def test_a_frozen_backbone_stays_what_the_baseline_made_it(baseline, frozen):
    settings = {"classifier_input": "generated", "generator_encoder": "backbone", "freeze_encoder": frozen}
    config = changed(BASELINE, batch_size=4, weight_average=0.5, **settings)
    trainer = trainer_of(config, tf.zeros((6, 32, 32, 3)))
    trained, finished = (networks.generator for networks in (trainer.networks, trainer.finished_networks))
    before = [(layer, layer.get_weights()) for layer in trained.layers if layer.weights]
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype(np.uint8)
    trainer.step(images, np.arange(4, dtype=np.int32))
    for layer, weights in before:
        unmoved = all(np.array_equal(*pair) for pair in zip(weights, layer.get_weights(), strict=True))
        assert unmoved == (frozen and layer.name == ENCODER), layer.name
    if frozen:
        for one, other in zip(
            trained.get_layer(ENCODER).get_weights(), finished.get_layer(ENCODER).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(one, other)


def test_nothing_is_frozen_that_has_learnt_nothing(tmp_path):
    settings = {"classifier_input": "generated", "generator_encoder": "backbone", "freeze_encoder": True}
    with pytest.raises(UserError, match="pass --warm_start=RUN of a baseline"):
        check_beginning(changed(BASELINE, **settings))
    check_beginning(changed(BASELINE, freeze_encoder=True))  # a baseline has no G


def test_a_backbone_that_nobody_lends_anything_is_not_frozen(baseline):
    """That of a pair's G, where it is another than E's, begins untrained; a U-Net has none."""
    settings = {"classifier_input": "pair", "freeze_encoder": True, "warm_start": str(baseline.path.parent)}
    for other in (
        {"generator_encoder": "backbone", "generator_backbone": "MobileNetV2"},
        {"generator_encoder": "unet"},
    ):
        with pytest.raises(UserError, match="a baseline of that backbone"):
            check_beginning(changed(BASELINE, **settings, **other))
    check_beginning(changed(BASELINE, **settings, generator_encoder="backbone"))


def test_where_nothing_sees_photos_a_baseline_is_of_no_use(baseline):
    with pytest.raises(UserError, match="pass --generator_encoder=backbone, or --classifier_input=pair"):
        begun(baseline, classifier_input="generated")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"backbone": "MobileNetV2"}, "a run with --backbone=SmallCNN, and this one has MobileNetV2"),
        ({"classes": "anger,fear"}, "a run with --classes="),
        ({"dataset": "ck_plus"}, "a run with --dataset=bu_3dfe"),
        ({"fold_by": "recording"}, "a run with --fold_by=subject, and this one has recording"),
        ({"additional_data": "mmi"}, "a run with --additional_data="),
    ],
)
def test_another_kind_of_run_is_refused(baseline, settings, said):
    with pytest.raises(UserError, match=said):
        begun(baseline, **settings)


def test_who_is_no_baseline_is_refused(tmp_path):
    run = write_run(
        tmp_path, tiny_config(dataset="bu_3dfe"), SUBJECTS, lambda label: np.zeros((256, 256, 3), np.uint8), {"best": 1}
    )
    config = tiny_config(dataset="bu_3dfe", warm_start=str(run.path))
    with pytest.raises(UserError, match="not a baseline"):
        warm_start(networks_of(config), config, folds.subject_fold(SUBJECTS, 0))


def test_a_baseline_that_knows_this_folds_test_people_is_refused(baseline):
    config = changed(BASELINE, warm_start=str(baseline.path), fold=4)
    with pytest.raises(UserError, match="knows 4 people whom this run validates or tests on"):
        warm_start(networks_of(config), config, folds.subject_fold(SUBJECTS, 4))


def test_a_baseline_that_was_chosen_by_this_folds_test_people_is_refused(baseline):
    """Fold 0 validates on those whom fold 1 tests on; without validation people of its own, nothing else is shared."""
    fold = folds.subject_fold(SUBJECTS, 1)
    everybody = folds.Fold(1, (*fold.train, *fold.validation), (), fold.test)
    config = changed(BASELINE, warm_start=str(baseline.path), fold=1, validation="none")
    with pytest.raises(UserError, match="knows 2 people"):
        warm_start(networks_of(config), config, everybody)


def test_a_missing_run_is_named(tmp_path):
    config = changed(BASELINE, warm_start=str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match=r"--warm_start=\S+nowhere: no finished baseline of fold 0 there"):
        warm_start(networks_of(config), config, folds.subject_fold(SUBJECTS, 0))
