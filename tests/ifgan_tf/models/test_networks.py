import numpy as np
import pytest
import tensorflow as tf

from ifgan_tf.errors import UserError
from ifgan_tf.models.networks import build_networks, load_networks, trackables

PHOTOS = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32)


def save(networks, folder):
    tf.train.CheckpointManager(tf.train.Checkpoint(**trackables(networks)), str(folder), 1).save()


def test_a_seed_gives_the_same_networks(tiny_config):
    one, other = build_networks(tiny_config), build_networks(tiny_config)
    np.testing.assert_array_equal(one.generator(PHOTOS), other.generator(PHOTOS))


def test_weights_come_back(tiny_config, tmp_path):
    networks = build_networks(tiny_config)
    networks.generator.get_layer("attention_decoder").gamma.assign(0.3)
    save(networks, tmp_path)
    restored = load_networks(tiny_config, tmp_path)
    for one, other in zip(networks, restored, strict=True):
        for a, b in zip(one.weights, other.weights, strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_baseline_has_a_classifier_alone(with_model):
    networks = build_networks(with_model(classifier_input="input"))
    assert networks.generator is None and networks.discriminator is None
    assert list(trackables(networks)) == ["classifier"]


def test_a_checkpoint_of_other_networks_is_refused(tiny_config, with_model, tmp_path):
    save(build_networks(tiny_config), tmp_path)
    with pytest.raises(UserError, match=r"does not fit the run's config\.json"):
        load_networks(with_model(generator_width=16), tmp_path)


def test_a_missing_checkpoint_is_named(tiny_config, tmp_path):
    with pytest.raises(UserError, match="no such checkpoint"):
        load_networks(tiny_config, tmp_path / "best")


def test_loading_downloads_nothing(with_model, tmp_path):
    save(build_networks(with_model(backbone="MobileNetV2")), tmp_path)
    load_networks(with_model(backbone="MobileNetV2", classifier_weights="imagenet"), tmp_path)
