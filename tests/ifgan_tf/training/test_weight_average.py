"""Averages of weights: their values, that training is left alone, and that they are what later commands get."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from from_config import loaded, trainer_of

from ifgan_tf.config import Config, DataConfig, ModelConfig, OptimizerConfig
from ifgan_tf.errors import UserError
from ifgan_tf.models.inference import build_inference
from ifgan_tf.training.checkpoints import Checkpoints
from ifgan_tf.training.so_far import SoFar

LABELS = tf.constant([0, 1, 2, 2])
IMAGES = tf.constant(np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype(np.uint8))


def configuration(weight_average, **model):
    settings = {"classifier_input": "generated", "backbone": "SmallCNN", "classifier_weights": "none", **model}
    return Config(
        data=DataConfig(image_size=32),
        model=ModelConfig(generator_width=8, discriminator_width=8, generator_span=True, **settings),
        optimizer=OptimizerConfig(batch_size=4, learning_rate=1e-2, weight_average=weight_average),
    )


def trainer(weight_average, **model):
    average_faces = tf.random.stateless_uniform((6, 32, 32, 3), (1, 2), -1, 1)
    return trainer_of(configuration(weight_average, **model), average_faces)


def weights(networks):
    return [np.array(weight) for model in (networks.generator, networks.classifier) for weight in model.weights]


def test_the_average_is_the_recursion_written_down_by_hand():
    one = trainer(0.25)
    expected = weights(one.networks)
    for step in range(1, 4):
        one.step(IMAGES, LABELS)
        share = min(0.25, (1 + step) / (10 + step))  # 2/11 at first: the average forgets the initial weights sooner
        expected = [share * old + (1 - share) * new for old, new in zip(expected, weights(one.networks), strict=True)]
    for mine, theirs in zip(weights(one.finished_networks), expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)


def test_training_itself_is_the_same_with_and_without_it():
    plain, averaged = trainer(0.0), trainer(0.9)
    for _ in range(3):
        plain.step(IMAGES, LABELS)
        averaged.step(IMAGES, LABELS)
    for mine, theirs in zip(weights(averaged.networks), weights(plain.networks), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-4)
    assert plain.finished_networks is plain.networks


def test_checkpoints_give_later_commands_the_averages(tmp_path):
    one = trainer(0.9)
    so_far = SoFar()
    checkpoints = Checkpoints(tmp_path, one, so_far, steps_per_epoch=3, minutes=10.0)
    checkpoints.restore()
    for _ in range(3):
        one.step(IMAGES, LABELS)
    checkpoints.keep_best(1, {"accuracy": 0.5, "cross_entropy": 1.0})
    so_far.finish({"epoch": 1})
    checkpoints.save()
    for which in ("best", "last"):
        kept, average = loaded(configuration(0.9), tmp_path / which), one.finished_networks
        said = build_inference("generated", kept.generator, kept.classifier)(IMAGES, training=False)
        expected = build_inference("generated", average.generator, average.classifier)(IMAGES, training=False)
        np.testing.assert_allclose(said["probabilities"], expected["probabilities"], atol=1e-6)
    assert any(np.abs(a - b).max() > 1e-4 for a, b in zip(weights(kept), weights(one.networks), strict=True)), (
        "these are the weights of the last step"
    )


def test_the_baseline_has_an_average_too():
    one = trainer(0.9, classifier_input="input")
    one.step(IMAGES, LABELS)
    assert one.finished_networks.generator is None
    assert one.finished_networks.classifier is not one.networks.classifier


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(UserError, match=r"--weight_average=.*: expected 0 \(none\) to below 1"):
        dataclasses.replace(Config(), optimizer=OptimizerConfig(weight_average=share))
