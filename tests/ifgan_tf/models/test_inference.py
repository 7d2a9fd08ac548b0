import numpy as np
import pytest
import tensorflow as tf
from from_config import networks_of

from ifgan_tf.models.inference import build_inference

PHOTOS = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3)).astype(np.uint8)


def inference(config):
    networks = networks_of(config)
    return networks, build_inference(config.model.classifier_input, networks.generator, networks.classifier)


@pytest.mark.parametrize("classifier_input", ["pair", "generated", "input"])
def test_bytes_in_face_and_probabilities_out(with_model, classifier_input):
    _, model = inference(with_model(classifier_input=classifier_input))
    outputs = model(PHOTOS)
    assert outputs["probabilities"].shape == (3, 6)
    np.testing.assert_allclose(outputs["probabilities"].numpy().sum(1), 1.0, rtol=1e-5)
    if classifier_input == "input":
        assert set(outputs) == {"probabilities"}
    else:
        assert outputs["average_face"].shape == (3, 32, 32, 3)
        assert outputs["average_face"].dtype == tf.uint8


def test_uint8_and_float_are_the_same(tiny_config):
    _, model = inference(tiny_config)
    as_bytes, as_floats = model(PHOTOS), model(PHOTOS.astype(np.float32))
    np.testing.assert_array_equal(as_bytes["probabilities"], as_floats["probabilities"])
    np.testing.assert_array_equal(as_bytes["average_face"], as_floats["average_face"])


def test_it_is_e_of_g(tiny_config):
    networks, model = inference(tiny_config)
    face = networks.generator(PHOTOS.astype(np.float32) / 127.5 - 1.0, training=False)
    outputs = model(PHOTOS)
    expected = tf.nn.softmax(networks.classifier(face, training=False)["logits"])
    np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-5)
    np.testing.assert_allclose(outputs["average_face"], (face.numpy() + 1) * 127.5, atol=0.51)


def test_logits_are_divided_by_the_temperature(with_model):
    networks, model = inference(with_model(classifier_input="input"))
    sharper = build_inference("input", None, networks.classifier, temperature=0.25)
    logits = networks.classifier(PHOTOS.astype(np.float32) / 127.5 - 1.0, training=False)["logits"]
    expected = tf.nn.softmax(4 * logits)
    np.testing.assert_allclose(sharper(PHOTOS)["probabilities"], expected, atol=1e-5)
    assert np.abs(model(PHOTOS)["probabilities"] - expected).max() > 1e-3


def test_generated_sees_nothing_but_the_generated_face(with_model):
    """The identity-free classifier cannot tell two photos apart whose generated faces are equal."""
    networks, model = inference(with_model(classifier_input="generated"))
    for layer in networks.generator.layers:
        if layer.name in ("image",):
            layer.kernel.assign(tf.zeros_like(layer.kernel))  # every face the same
    probabilities = model(PHOTOS)["probabilities"].numpy()
    np.testing.assert_allclose(probabilities[0], probabilities[1], atol=1e-6)


def test_pair_sees_the_photo_too(with_model):
    networks, model = inference(with_model(classifier_input="pair"))
    networks.generator.get_layer("image").kernel.assign(tf.zeros_like(networks.generator.get_layer("image").kernel))
    probabilities = model(PHOTOS)["probabilities"].numpy()
    assert np.abs(probabilities[0] - probabilities[1]).max() > 1e-6


def test_red_is_the_first_channel(with_model):
    """A red photo reaches the caffe-style backbone with red last, after its mean is removed."""
    networks, _ = inference(with_model(classifier_input="input", backbone="ResNet50"))
    red = np.zeros((1, 32, 32, 3), np.float32) - 1.0
    red[..., 0] = 1.0
    seen = networks.classifier.get_layer("preprocess")(red).numpy()[0, 0, 0]
    np.testing.assert_allclose(seen, [0 - 103.939, 0 - 116.779, 255 - 123.68], atol=1e-3)
