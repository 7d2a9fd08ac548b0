import dataclasses
import random

import keras
import numpy as np
import pytest
import tensorflow as tf
from from_config import loaded, networks_of

from ifgan_tf.config import RunConfig
from ifgan_tf.errors import UserError
from ifgan_tf.models import generator
from ifgan_tf.models.attention import SelfAttention
from ifgan_tf.models.networks import trackables

PHOTOS = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32)


def save(networks, folder):
    tf.train.CheckpointManager(tf.train.Checkpoint(**trackables(networks)), str(folder), 1).save()


def test_a_seed_gives_the_same_networks(tiny_config):
    one, other = networks_of(tiny_config), networks_of(tiny_config)
    np.testing.assert_array_equal(one.generator(PHOTOS), other.generator(PHOTOS))


def test_building_leaves_the_process_its_random_numbers_and_its_precision(tiny_config):
    random.seed(5)
    expected = random.random()
    random.seed(5)
    mixed = dataclasses.replace(tiny_config, run=RunConfig(mixed_precision=True))
    networks = networks_of(mixed)
    assert random.random() == expected
    assert keras.config.dtype_policy().name == "float32"
    assert networks.generator.get_layer("down1").compute_dtype == "bfloat16"
    assert {weight.dtype for model in networks for weight in model.weights} == {"float32"}


def test_weights_come_back(tiny_config, tmp_path):
    networks = networks_of(tiny_config)
    networks.generator.get_layer("attention_decoder").gamma.assign(0.3)
    save(networks, tmp_path)
    restored = loaded(tiny_config, tmp_path)
    for one, other in zip(networks, restored, strict=True):
        for a, b in zip(one.weights, other.weights, strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_baseline_has_a_classifier_alone(with_model):
    networks = networks_of(with_model(classifier_input="input"))
    assert networks.generator is None and networks.discriminator is None
    assert list(trackables(networks)) == ["classifier"]


def test_a_checkpoint_of_other_networks_is_refused(tiny_config, with_model, tmp_path):
    save(networks_of(tiny_config), tmp_path)
    with pytest.raises(UserError, match=r"does not fit the run's config\.json"):
        loaded(with_model(generator_width=16), tmp_path)


class HalfValues(SelfAttention):
    """As it was: values of half the channels."""

    def build(self, input_shape):
        super().build(input_shape)
        half = input_shape[-1] // 2
        self.value = keras.layers.Conv2D(half, 1, name="value")
        self.value.build(input_shape)
        self.output_projection = keras.layers.Conv2D(input_shape[-1], 1, name="output")
        self.output_projection.build((*input_shape[:-1], half))

    def call(self, x):
        return x


def test_a_checkpoint_of_attention_with_half_the_values_is_refused(tiny_config, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(generator, "SelfAttention", HalfValues)
        save(networks_of(tiny_config), tmp_path)
    with pytest.raises(UserError, match=r"does not fit the run's config\.json"):
        loaded(tiny_config, tmp_path)


def test_a_missing_checkpoint_is_named(tiny_config, tmp_path):
    with pytest.raises(UserError, match="no such checkpoint"):
        loaded(tiny_config, tmp_path / "best")


def test_loading_downloads_nothing(with_model, tmp_path):
    save(networks_of(with_model(backbone="MobileNetV2")), tmp_path)
    loaded(with_model(backbone="MobileNetV2", classifier_weights="imagenet"), tmp_path)


def test_a_checkpoint_that_a_training_replaces_meanwhile_is_looked_up_again(with_model, tmp_path, monkeypatch):
    config = with_model(classifier_input="input")
    networks = networks_of(config)
    state = tf.train.Checkpoint(**trackables(networks))
    manager = tf.train.CheckpointManager(state, str(tmp_path), 1)
    manager.save(checkpoint_number=1)
    restore, calls = tf.train.Checkpoint.restore, []

    def overtaken(self, path):
        if not calls:
            networks.classifier.weights[0].assign_add(tf.ones_like(networks.classifier.weights[0]))
            manager.save(checkpoint_number=2)
        calls.append(path)
        return restore(self, path)

    monkeypatch.setattr(tf.train.Checkpoint, "restore", overtaken)
    restored = loaded(config, tmp_path)
    assert [path[-6:] for path in calls] == ["ckpt-1", "ckpt-2"]
    for one, other in zip(restored.classifier.weights, networks.classifier.weights, strict=True):
        np.testing.assert_array_equal(one, other)
