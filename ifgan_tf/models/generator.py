"""G, the attention U-Net that draws the average face with the photo's expression (paper Fig. 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from ifgan_tf.config import ModelConfig
from ifgan_tf.labels import GRADES
from ifgan_tf.models.attention import SelfAttention
from ifgan_tf.models.encoder import encode_with_backbone
from ifgan_tf.models.face_span import SPAN, AverageFaceSpan
from ifgan_tf.models.leaky_relu import LeakyReLU
from ifgan_tf.models.normalization import BatchNormalization
from ifgan_tf.models.standardised import StandardisedColours

WIDTHS = (1, 2, 4, 8, 8)  # channels of the levels, in multiples of the first one's
ATTENTION_LEVEL = 2  # the feature maps of a quarter of the image's size: 56x56 at 224 (Fig. 3)
LAST_ATTENTION = "attention_decoder"  # the module nearest the image, whose map Fig. 6 shows


def build_generator(model: ModelConfig, size: int, classes: int) -> keras.Model:
    """The generator G.

    Five halvings (224 → 112 → 56 → 28 → 14 → 7) and five doublings, with skip connections between equal sizes
    and three self-attention modules at a quarter of the image's size: on the encoding path, on the skip and on
    the decoding path. With `generator_encoder=backbone` the backbone of E, with weights of its own, halves the photo
    in the place of the encoding path, as often as it does, and the first of the modules is left out.

    Args:
      model: its settings.
      size: S, side of the images.
      classes: of the average faces, for `generator_span`.

    Returns:
      A functional model: photo, float [B, S, S, 3] in [-1, 1] → average face, float32 [B, S, S, 3] in [-1, 1].
    """
    widths = [model.generator_width * factor for factor in WIDTHS]
    photo = keras.Input((size, size, 3), name="photo")
    seen = StandardisedColours(name="standardised")(photo) if model.standardise_colours else photo
    if model.generator_encoder == "backbone":
        encoded = encode_with_backbone(seen, model)
    else:
        encoded = _encode(seen, widths, model)

    deepest = len(encoded)
    first_skip = deepest - model.generator_skips  # level of the shallowest skip that is kept
    skips = {level: encoded[level - 1] for level in range(max(1, first_skip), deepest)}
    if model.attention and ATTENTION_LEVEL in skips:
        skips[ATTENTION_LEVEL] = SelfAttention(name="attention_skip")(skips[ATTENTION_LEVEL])

    x = encoded[-1]
    for level in range(deepest - 1, 0, -1):
        x = _up(x, widths[level - 1], level, model)
        if model.attention and level == ATTENTION_LEVEL:
            x = SelfAttention(name=LAST_ATTENTION)(x)
        if level in skips:
            x = layers.Concatenate(name=f"up{level}_skip")([x, skips[level]])
    x = _enlarge(x, 3 if model.generator_upsampling == "transposed" else widths[0] // 2, "image", model)
    if model.generator_upsampling == "resize":
        x = layers.ReLU(name="image_relu")(x)
        x = layers.Conv2D(3, 3, padding="same", name="image_conv")(x)
    face = layers.Activation("tanh", dtype="float32", name="average_face")(x)
    if model.generator_span:
        targets = classes * (1 + GRADES) if model.targets == "intensity" else classes
        face = AverageFaceSpan(targets, name=SPAN)(face)
    return keras.Model(photo, face, name="generator")


def attention_map_model(generator: keras.Model) -> keras.Model:
    """Photo → (average face, attention map of the module nearest the image), for Fig. 6.

    Returns:
      A functional model: float [B, S, S, 3] in [-1, 1] → (float [B, S, S, 3] in [-1, 1], float [B, N, N] with
      N = (S/4)²).

    Raises:
      ValueError: when the generator was built without attention.
    """
    module = generator.get_layer(LAST_ATTENTION)
    attention = _AttentionMap(module, name="attention_map")(module.input)
    return keras.Model(generator.input, [generator.output, attention], name="attention_map_model")


class _AttentionMap(keras.layers.Layer):
    """The map of an existing module, as a layer of its own without weights of its own."""

    def __init__(self, module: SelfAttention, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.module = module

    def call(self, x: Any) -> Any:
        return self.module.attention_map(x)


def _encode(photo: Any, widths: Sequence[int], model: ModelConfig) -> list[Any]:
    """The paper's encoding path: its feature maps, half as large from level to level."""
    encoded, x = [], photo
    for level, width in enumerate(widths, start=1):
        x = _down(x, width, level, model)
        if model.attention and level == ATTENTION_LEVEL:
            x = SelfAttention(name="attention_encoder")(x)
        encoded.append(x)
    return encoded


def _down(x: Any, width: int, level: int, model: ModelConfig) -> Any:
    """One halving: 4x4 convolution of stride 2; batch normalisation except in the first level; LeakyReLU 0.2."""
    x = layers.Conv2D(width, 4, 2, padding="same", name=f"down{level}")(x)
    if level > 1:
        x = _batch_norm(x, f"down{level}_norm", model)
    x = LeakyReLU(0.2, name=f"down{level}_relu")(x)
    return _more(x, width, f"down{level}", model)


def _up(x: Any, width: int, level: int, model: ModelConfig) -> Any:
    """One doubling, batch normalisation, ReLU."""
    x = _enlarge(x, width, f"up{level}", model)
    x = _batch_norm(x, f"up{level}_norm", model)
    x = layers.ReLU(name=f"up{level}_relu")(x)
    return _more(x, width, f"up{level}", model)


def _enlarge(x: Any, width: int, name: str, model: ModelConfig) -> Any:
    if model.generator_upsampling == "transposed":
        return layers.Conv2DTranspose(width, 4, 2, padding="same", name=name)(x)
    x = layers.UpSampling2D(interpolation="bilinear", name=f"{name}_resize")(x)
    return layers.Conv2D(width, 3, padding="same", name=name)(x)


def _more(x: Any, width: int, name: str, model: ModelConfig) -> Any:
    for extra in range(2, model.generator_convolutions + 1):
        x = layers.Conv2D(width, 3, padding="same", name=f"{name}_conv{extra}")(x)
        x = _batch_norm(x, f"{name}_conv{extra}_norm", model)
        x = layers.ReLU(name=f"{name}_conv{extra}_relu")(x)
    return x


def _batch_norm(x: Any, name: str, model: ModelConfig) -> Any:
    return BatchNormalization(momentum=model.batch_norm_momentum, epsilon=1e-5, name=name)(x)
