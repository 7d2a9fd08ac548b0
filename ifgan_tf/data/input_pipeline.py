"""Batches for training: shuffled, augmented, and exactly repeatable from any step."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from ifgan_tf.config import DataConfig
from ifgan_tf.data.augmentation import augment
from ifgan_tf.data.built_sets import Faces
from ifgan_tf.errors import UserError

_SHUFFLE, _AUGMENT = 1, 2  # streams of random numbers drawn from one seed


def steps_per_epoch(faces: Faces, batch_size: int) -> int:
    """Whole batches in one pass; the images of an incomplete last batch sit out that epoch.

    Raises:
      UserError: when there are fewer images than a batch.
    """
    if len(faces) < batch_size:
        raise UserError(f"--batch_size={batch_size}: more than the {len(faces)} training images; pass a smaller one")
    return len(faces) // batch_size


def class_weights(labels: np.ndarray) -> np.ndarray:
    """The rarity of every class: inversely proportional to its images, 1 on average over the images.

    Args:
      labels: int [N].
    Returns:
      float32 [classes].
    """
    counts = np.maximum(np.bincount(labels), 1)
    return (len(labels) / (len(counts) * counts)).astype(np.float32)


def training_batches(
    faces: Faces, targets: np.ndarray, settings: DataConfig, batch_size: int, steps: range, seed: int
) -> tf.data.Dataset:
    """The batches of some steps, one after the other.

    Order and augmentation depend on the seed, the epoch and the place in it alone: whoever starts at step k sees what
    an uninterrupted run sees from there.

    Args:
      faces: to train on.
      targets: int32 [N], what G is to draw of each of them.
      settings: how they are shown.
      batch_size: B.
      steps: one after the other, counted from 0 over the whole run.
      seed: of the run.

    Returns:
      (images, uint8 [B, S, S, 3]; labels and targets, int32 [B]), one a step.
    """
    in_epoch = steps_per_epoch(faces, batch_size)
    images, labels, drawn = tf.constant(faces.images), tf.constant(faces.labels), tf.constant(targets)

    def epoch_of(epoch: tf.Tensor) -> tf.data.Dataset:
        order_seed = tf.random.experimental.stateless_fold_in([seed, _SHUFFLE], epoch)
        if settings.balanced_sampling:
            rarity = np.log(class_weights(faces.labels)[faces.labels])
            order = tf.random.stateless_categorical(rarity[np.newaxis], in_epoch * batch_size, order_seed, tf.int32)[0]
        else:
            order = tf.random.experimental.stateless_shuffle(tf.range(len(faces)), order_seed)
        return tf.data.Dataset.from_tensor_slices(
            tf.reshape(order[: in_epoch * batch_size], (in_epoch, batch_size))
        ).enumerate(epoch * in_epoch)

    def view(step: tf.Tensor, chosen: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        view_seed = tf.random.experimental.stateless_fold_in([seed, _AUGMENT], step)
        views = augment(
            tf.gather(images, chosen), view_seed, settings.image_size, settings.rotation, settings.colour_jitter
        )
        views = tf.ensure_shape(views, (batch_size, *views.shape[1:]))
        return views, tf.gather(labels, chosen), tf.gather(drawn, chosen)

    options = tf.data.Options()
    options.autotune.enabled = False  # its thread sleeps for seconds, and whoever drops the iterator waits for it
    return (
        tf.data.Dataset.range(steps.start // in_epoch, -(-steps.stop // in_epoch))
        .flat_map(epoch_of)
        .skip(steps.start % in_epoch)
        .take(len(steps))
        .map(view, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .prefetch(tf.data.AUTOTUNE)
        .with_options(options)
    )
