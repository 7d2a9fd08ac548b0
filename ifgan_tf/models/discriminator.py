"""D, the 70x70 PatchGAN that judges whether an average face is real (paper §3.1)."""

from __future__ import annotations

import keras
from keras import layers

from ifgan_tf.config import ModelConfig
from ifgan_tf.models.leaky_relu import LeakyReLU
from ifgan_tf.models.normalization import BatchNormalization


def build_discriminator(model: ModelConfig, size: int) -> keras.Model:
    """The discriminator D.

    4x4 convolutions of 1, 2 and 4 times the width with stride 2, 8 times with stride 1, then one logit a patch:
    each logit sees 70x70 pixels.

    Args:
      model: its settings.
      size: S, side of the images.

    Returns:
      A functional model: [photo, average face], each float [B, S, S, 3] in [-1, 1] → logits, float32
      [B, S/8 - 2, S/8 - 2, 1]; positive means real.
    """
    width = model.discriminator_width
    photo = keras.Input((size, size, 3), name="photo")
    face = keras.Input((size, size, 3), name="average_face")
    x = layers.Concatenate(name="tuple")([photo, face])
    for number, (factor, stride) in enumerate(((1, 2), (2, 2), (4, 2), (8, 1)), start=1):
        # One row and column of zeros on either side: of an even side halved, that is what "same" means, and the
        # convolution adds them without a copy. The layer that does nothing keeps the places of those after it, by which
        # checkpoints know them.
        halves = stride == 2
        x = layers.Identity(name=f"pad{number}")(x) if halves else layers.ZeroPadding2D(1, name=f"pad{number}")(x)
        padding = "same" if halves else "valid"
        x = layers.Conv2D(width * factor, 4, stride, padding, name=f"conv{number}")(x)
        if number > 1 and model.discriminator_batch_norm:
            x = BatchNormalization(momentum=model.batch_norm_momentum, epsilon=1e-5, name=f"norm{number}")(x)
        x = LeakyReLU(0.2, name=f"relu{number}")(x)
    x = layers.ZeroPadding2D(1, name="pad5")(x)
    logits = layers.Conv2D(1, 4, name="logits")(x)
    logits = layers.Activation("linear", dtype="float32", name="patch_logits")(logits)
    return keras.Model([photo, face], logits, name="discriminator")
