import dataclasses

import numpy as np
import pytest
from from_config import generator_of

from ifgan_tf.config import Config, DataConfig, ModelConfig
from ifgan_tf.models.generator import attention_map_model


def attention_layers(model):
    return [layer.name for layer in model.layers if layer.name.startswith("attention")]


def test_paper_generator_has_figure_3s_shapes():
    model = generator_of(Config(model=ModelConfig(classifier_weights="none")))
    shapes = [model.get_layer(f"down{level}").output.shape[1:] for level in range(1, 6)]
    assert shapes == [(112, 112, 64), (56, 56, 128), (28, 28, 256), (14, 14, 512), (7, 7, 512)]
    assert attention_layers(model) == ["attention_encoder", "attention_decoder", "attention_skip"] or set(
        attention_layers(model)
    ) == {"attention_encoder", "attention_decoder", "attention_skip"}
    assert all(model.get_layer(name).output.shape[1:3] == (56, 56) for name in attention_layers(model))
    assert model.output.shape[1:] == (224, 224, 3)
    norms = {layer.name for layer in model.layers if layer.name.endswith("_norm")}
    assert "down1_norm" not in norms and "down2_norm" in norms


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"attention": False},
        {"generator_upsampling": "resize"},
        {"generator_skips": 0},
        {"generator_skips": 2, "generator_convolutions": 2},
        {"generator_encoder": "backbone"},
        {"generator_encoder": "backbone", "generator_skips": 0, "generator_upsampling": "resize"},
    ],
)
def test_faces_are_in_range_and_differ_between_photos(with_model, settings):
    model = generator_of(with_model(**settings))
    photos = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32)
    faces = model(photos, training=True).numpy()
    assert faces.shape == (2, 32, 32, 3)
    assert np.abs(faces).max() <= 1.0
    assert np.abs(faces[0] - faces[1]).max() > 1e-4


def test_noattention_leaves_only_the_modules_out(with_model):
    plain = generator_of(with_model(attention=False))
    assert attention_layers(plain) == []
    full = generator_of(with_model(attention=True))
    assert len(attention_layers(full)) == 3
    assert full.count_params() > plain.count_params()


@pytest.mark.parametrize(("skips", "expected"), [(4, [1, 2, 3, 4]), (2, [3, 4]), (0, [])])
def test_skips_are_counted_from_the_deepest(with_model, skips, expected):
    model = generator_of(with_model(generator_skips=skips))
    names = sorted(layer.name for layer in model.layers if layer.name.endswith("_skip") and layer.name.startswith("up"))
    assert names == [f"up{level}_skip" for level in expected]


def test_attention_map_model_shares_the_generators_face(tiny_config):
    generator = generator_of(tiny_config)
    generator.get_layer("attention_decoder").gamma.assign(1.0)
    photos = np.random.default_rng(0).uniform(-1, 1, (1, 32, 32, 3)).astype(np.float32)
    face, attention = attention_map_model(generator)(photos, training=False)
    np.testing.assert_allclose(face, generator(photos, training=False), atol=1e-6)
    assert attention.shape == (1, 64, 64)
    np.testing.assert_allclose(attention.numpy().sum(-1), 1.0, rtol=1e-5)


def test_attention_map_needs_attention(with_model):
    with pytest.raises(ValueError, match="attention_decoder"):
        attention_map_model(generator_of(with_model(attention=False)))


def test_other_sizes_work_when_a_multiple_of_32(tiny_config):
    for size in (64, 96):
        config = Config(data=DataConfig(image_size=size), model=tiny_config.model)
        assert generator_of(config).output.shape[1:] == (size, size, 3)


def test_a_backbone_halves_as_often_as_it_does(with_model):
    model = generator_of(with_model(generator_encoder="backbone", generator_skips=2))
    assert [map_.shape[1] for map_ in model.get_layer("encoder").outputs] == [16, 8, 4, 2]
    assert {layer.name for layer in model.layers if layer.name.endswith("_skip")} == {
        "attention_skip", "up2_skip", "up3_skip",
    }  # fmt: skip
    assert set(attention_layers(model)) == {"attention_skip", "attention_decoder"}


@pytest.mark.parametrize("backbone", ["MobileNetV3Small", "EfficientNetV2B0", "ResNet50V2", "MobileNetV2"])
@pytest.mark.parametrize("size", [32, 96])
def test_every_level_of_a_backbone_is_the_trunks(with_model, backbone, size):
    """Gates over the whole image and padded maps are of a level's size too."""
    config = with_model(generator_encoder="backbone", backbone=backbone)
    model = generator_of(dataclasses.replace(config, data=DataConfig(image_size=size)))
    encoder = model.get_layer("encoder")
    assert [map_.shape[1] for map_ in encoder.outputs] == [size // 2**level for level in range(1, 6)]
    channels = [map_.shape[-1] for map_ in encoder.outputs]
    assert channels == sorted(channels)
    assert model.output.shape[1:] == (size, size, 3)
