"""A backbone as the encoding path of G: what it has learnt on photos, at every size that it halves them to."""

from __future__ import annotations

from typing import Any

import keras

from ifgan_tf.config import ModelConfig
from ifgan_tf.errors import UserError
from ifgan_tf.models.backbones import PREPROCESSING, Preprocess, build_backbone

ENCODER = "encoder"  # the layer's name in a generator


def encode_with_backbone(photo: Any, model: ModelConfig) -> list[Any]:
    """The photo as a backbone sees it.

    Args:
      photo: float [B, S, S, 3] in [-1, 1].
      model: settings; `encoder` says which one. It begins with `classifier_weights` where it is of E's kind.
    Returns:
      Feature maps, float [B, S/2^i, S/2^i, C_i], i = 1, 2, …: the last one of every size.

    Raises:
      UserError: for an unknown name, or a backbone that leaves a size out; or see `build_backbone`.
    """
    size = photo.shape[1]
    name, weights = model.encoder, model.classifier_weights if model.encoder == model.backbone else "none"
    if name not in PREPROCESSING:
        raise UserError(f"--generator_backbone={name}: expected one of {', '.join(PREPROCESSING)}")
    backbone = build_backbone(name, weights, size, 3, model.batch_norm_momentum)
    maps = [layer.output for layer in backbone.layers if not isinstance(layer, keras.layers.ZeroPadding2D)]
    last = {output.shape[1]: output for output in maps if len(output.shape) == 4}
    deepest = backbone.output.shape[1]
    last[deepest] = backbone.output  # gates over the whole image are of that size too where it is 1
    sides = [size >> level for level in range(1, size.bit_length()) if size >> level >= deepest]
    if not set(sides) <= set(last) or sides[-1] != deepest:
        raise UserError(
            f"--generator_encoder=backbone: {name} does not halve {size} pixels to {deepest} step by step; "
            f"choose another --backbone (or --generator_backbone), or --image_size"
        )
    halved = [last[side] for side in sides]
    encoder = keras.Model(backbone.input, halved, name=ENCODER)
    encoder.trainable = not model.freeze_encoder
    return list(encoder(Preprocess(PREPROCESSING[name], name="preprocess")(photo)))
