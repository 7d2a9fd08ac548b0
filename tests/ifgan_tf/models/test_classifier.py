import keras
import numpy as np
import pytest

from ifgan_tf.config import Config
from ifgan_tf.errors import UserError
from ifgan_tf.models import backbones
from ifgan_tf.models.backbones import PREPROCESSING, Preprocess, build_backbone
from ifgan_tf.models.classifier import build_classifier

RGB = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.float32)
UNIT = RGB / 127.5 - 1.0


@pytest.mark.parametrize(
    ("backbone", "module"),
    [("ResNet101", "resnet"), ("MobileNetV2", "mobilenet_v2"), ("DenseNet121", "densenet")],
)
def test_preprocessing_is_that_of_keras_applications(backbone, module):
    expected = getattr(keras.applications, module).preprocess_input(RGB.copy())
    np.testing.assert_allclose(Preprocess(PREPROCESSING[backbone])(UNIT), expected, atol=1e-3)


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
def test_preprocessing_of_a_pair_is_that_of_each(mode):
    layer = Preprocess(mode)
    pair = layer(np.concatenate([UNIT, UNIT[::-1]], axis=-1)).numpy()
    np.testing.assert_allclose(pair[..., :3], layer(UNIT), atol=1e-5)
    np.testing.assert_allclose(pair[..., 3:], layer(UNIT[::-1]), atol=1e-5)


@pytest.mark.parametrize("backbone", ["SmallCNN", "MobileNetV2", "MobileNetV3Small", "EfficientNetV2B0"])
@pytest.mark.parametrize("classifier_input", ["pair", "generated"])
def test_shapes(with_model, backbone, classifier_input):
    model = build_classifier(with_model(backbone=backbone, classifier_input=classifier_input).model, 32, 6)
    channels = 6 if classifier_input == "pair" else 3
    outputs = model(np.zeros((2, 32, 32, channels), np.float32))
    assert outputs["logits"].shape == (2, 6)
    assert outputs["feature"].shape[0] == 2
    assert outputs["feature"].dtype == "float32"


def test_seven_classes(tiny_config):
    assert build_classifier(tiny_config.model, 32, 7).output["logits"].shape == (None, 7)


def test_the_paper_classifier_is_resnet101():
    names = {layer.name for layer in build_backbone("ResNet101", "none", 32, 3, 0.9).layers}
    assert "conv4_block23_out" in names  # ResNet-101 has 23 blocks where ResNet-50 has 6


def test_every_moving_average_gets_the_momentum(tiny_config):
    backbone = build_backbone("MobileNetV2", "none", 32, 3, 0.9)
    momenta = {layer.momentum for layer in backbone.layers if isinstance(layer, keras.layers.BatchNormalization)}
    assert momenta == {0.9}


@pytest.fixture
def weights_file(tmp_path):
    keras.utils.set_random_seed(7)
    model = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(32, 32, 3))
    path = tmp_path / "mobilenet_v2_notop.weights.h5"
    model.save_weights(path)
    return path, model


def test_weights_come_from_a_file(weights_file):
    path, source = weights_file
    backbone = build_backbone("MobileNetV2", str(path), 32, 3, 0.9)
    np.testing.assert_allclose(backbone(UNIT), source(UNIT), atol=1e-5)


def test_two_equal_images_give_what_one_gave(weights_file):
    path, source = weights_file
    backbone = build_backbone("MobileNetV2", str(path), 32, 6, 0.9)
    np.testing.assert_allclose(backbone(np.concatenate([UNIT, UNIT], -1)), source(UNIT), atol=1e-4)


def test_a_file_of_another_network_is_refused(weights_file):
    with pytest.raises(UserError, match=r"not the headless \(notop\) weights of ResNet50"):
        build_backbone("ResNet50", str(weights_file[0]), 32, 3, 0.9)


def test_a_missing_file_is_named():
    with pytest.raises(UserError, match=r"--classifier_weights=/no/such\.h5: no such file"):
        build_backbone("ResNet50", "/no/such.h5", 32, 3, 0.9)


def test_no_network_says_how_to_pass_a_file(monkeypatch):
    def refuse(*args, **kwargs):
        raise Exception("URL fetch failure: name resolution")

    monkeypatch.setattr(keras.applications, "MobileNetV2", refuse_imagenet(keras.applications.MobileNetV2, refuse))
    with pytest.raises(UserError, match=r"could not be downloaded .*pass --classifier_weights=FILE"):
        build_backbone("MobileNetV2", "imagenet", 32, 3, 0.9)


def refuse_imagenet(build, refuse):
    return lambda *args, weights, **kwargs: (
        refuse() if weights == "imagenet" else build(*args, weights=weights, **kwargs)
    )


def test_small_cnn_has_no_imagenet_weights():
    with pytest.raises(UserError, match="SmallCNN has no ImageNet weights"):
        build_backbone(backbones.SMALL_CNN, "imagenet", 32, 3, 0.9)


def test_an_unknown_backbone_is_refused():
    with pytest.raises(UserError, match=r"--backbone=ResNet999: expected one of ResNet50, ResNet101"):
        build_backbone("ResNet999", "none", 32, 3, 0.9)


def test_default_backbone():
    assert Config().model.backbone == "ResNet101"
