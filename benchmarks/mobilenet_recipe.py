"""Fine-tuning MobileNetV2 from ImageNet for expressions, in minutes and with all that is known to help transfer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from benchmarks.mobilenet import imagenet_mobilenet
from benchmarks.strong_augmentation import distorted
from ifgan_tf.data.built_sets import Faces

SIZE = 112
BATCH, STEPS = 40, 210  # 8,400 pictures seen
LEARNING_FROM = "block_3_expand"
LEARNING_RATE = 1e-3
WARM_UP = 20  # steps
AVERAGE = 0.97  # what the moving average of the weights keeps of itself at a step
LABEL_SMOOTHING = 0.1


def fine_tuned(
    state: Mapping[str, np.ndarray], faces: Faces, classes: int, seed: int, steps: int = STEPS
) -> keras.Model:
    """A classifier of faces.

    Classes are drawn evenly, views as unlike the faces as `strong_augmentation` makes them; AdamW's rate follows a
    cosine, weights are averaged, and the first layers, which take most of the time and see edges alone, stay as they
    are.

    Args:
      state: ImageNet weights, see `imagenet_mobilenet`.
      faces: to train on, uncropped, for models of `SIZE` (see `load_faces`).
      classes: how many.
      seed: of initial weights, order and views.
      steps: of training, more than `WARM_UP`.

    Returns:
      A model: RGB in 0..255 [B, SIZE, SIZE, 3] → `{"probabilities": float32 [B, classes]}`, the mean of what it says of
      the picture and of its mirror image.
    """
    keras.utils.set_random_seed(seed)
    backbone = imagenet_mobilenet(state, SIZE, LEARNING_FROM)
    feature = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(backbone.output))
    network = keras.Model(backbone.input, layers.Dense(classes)(feature))
    optimizer = keras.optimizers.AdamW(
        keras.optimizers.schedules.CosineDecay(
            0.0, steps - WARM_UP, 0.0, warmup_target=LEARNING_RATE, warmup_steps=WARM_UP
        ),
        weight_decay=0.01,
        use_ema=True,
        ema_momentum=AVERAGE,
    )
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=LABEL_SMOOTHING)
    network.compile(optimizer, loss)
    signature = (tf.TensorSpec((BATCH, SIZE, SIZE, 3), tf.uint8), tf.TensorSpec((BATCH, classes), tf.float32))
    batches = tf.data.Dataset.from_generator(lambda: _batches(faces, classes, seed), output_signature=signature)
    network.fit(batches.prefetch(2), steps_per_epoch=steps, verbose=0)  # puts the averages in place at its end
    return _with_mirrored_view(network)


def _batches(faces: Faces, classes: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Endless batches of views, uint8, and labels, one-hot."""
    rng = np.random.default_rng(seed)
    of_class = [np.flatnonzero(faces.labels == label) for label in range(classes)]
    while True:
        labels = rng.integers(0, classes, BATCH)
        chosen = [rng.choice(of_class[label]) for label in labels]
        views = np.stack([distorted(faces.images[i], SIZE, rng) for i in chosen])
        yield views, np.eye(classes, dtype=np.float32)[labels]


def _with_mirrored_view(network: keras.Model) -> keras.Model:
    image = keras.Input((SIZE, SIZE, 3), name="image")
    picture = ops.cast(image, "float32")
    both = [ops.softmax(network(view, training=False)) for view in (picture, ops.flip(picture, axis=2))]
    return keras.Model(image, {"probabilities": (both[0] + both[1]) / 2})
