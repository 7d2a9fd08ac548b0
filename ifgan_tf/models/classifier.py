"""E, the expression classifier (paper §3.1, §4.3)."""

from __future__ import annotations

from collections.abc import Callable

import keras
import tensorflow as tf
from keras import layers

from ifgan_tf.config import ModelConfig
from ifgan_tf.models.backbones import PREPROCESSING, Preprocess, build_backbone
from ifgan_tf.models.recompute import recomputed
from ifgan_tf.models.standardised import StandardisedColours

CHANNELS = {"pair": 6, "generated": 3, "input": 3}


def build_classifier(model: ModelConfig, size: int, classes: int) -> keras.Model:
    """The classifier E: preprocessing, backbone, global average pooling, one dense layer.

    Args:
      model: its settings.
      size: S, side of the images.
      classes: of expressions.

    Returns:
      A functional model: float [B, S, S, C] in [-1, 1], C = 6 for `classifier_input=pair` (photo then average
      face), else 3 → `{"logits": float32 [B, classes], "feature": float32 [B, F]}`; the pooled feature is what the
      island loss (Eq. 5) sees.

    Raises:
      UserError: see `build_backbone`.
    """
    channels = CHANNELS[model.classifier_input]
    backbone = build_backbone(model.backbone, model.classifier_weights, size, channels, model.batch_norm_momentum)
    images = keras.Input((size, size, channels), name="images")
    x = images
    if model.standardise_colours and model.classifier_input != "generated":
        x = StandardisedColours(name="standardised")(x)
    x = Preprocess(PREPROCESSING[model.backbone], name="preprocess")(x)
    x = backbone(x)
    feature = layers.GlobalAveragePooling2D(dtype="float32", name="feature")(x)
    logits = layers.Dense(classes, dtype="float32", name="logits")(feature)
    return keras.Model(images, {"logits": logits, "feature": feature}, name="classifier")


def recomputed_classifier(classifier: keras.Model) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """E in training, its backbone computed once more for the gradient instead of kept.

    Args:
      classifier: of `build_classifier`.

    Returns:
      What gives the same as `classifier(images, training=True)`; see `ifgan_tf.models.recompute`.
    """
    *first, backbone, pool, dense = classifier.layers[1:]
    features = recomputed(backbone)

    def answer(images: tf.Tensor) -> dict[str, tf.Tensor]:
        for layer in first:
            images = layer(images)
        feature = pool(features(images))
        return {"logits": dense(feature), "feature": feature}

    return answer
