"""Batches for training: shuffled, augmented, and exactly repeatable from any step; whole, or a share of each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np
import tensorflow as tf

from ifgan_tf.config import DataConfig
from ifgan_tf.data.augmentation import DRAWS, augment
from ifgan_tf.data.built_sets import Faces
from ifgan_tf.errors import UserError

_SHUFFLE, _AUGMENT = 1, 2  # streams of random numbers drawn from one seed
_AHEAD = 8  # batches that a disk is told of before they are asked for

_Batch = TypeVar("_Batch")


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
    faces: Faces,
    targets: np.ndarray,
    settings: DataConfig,
    batch_size: int,
    steps: range,
    seed: int,
    share: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:
    """The batches of some steps, one after the other.

    Order and views depend on the seed, the epoch and the place in it alone: whoever starts at step k sees what an
    uninterrupted run sees from there, and shares put together are the whole batch.

    Args:
      faces: to train on.
      targets: int32 [N], what G is to draw of each of them.
      settings: how they are shown.
      batch_size: B, of the whole batch, a multiple of n.
      steps: their numbers in the whole run, counted from 0: of epoch e, from e times `steps_per_epoch`.
      seed: of the run.
      share: (k, n): the k-th, from 0, of n equal slices of each batch; of others nothing is read.

    Returns:
      (images, uint8 [B / n, S, S, 3]; labels and targets, int32 [B / n]) of every step. Where an image cannot be read,
      TensorFlow's error; `plainly` makes it the `UserError` that it was.

    Raises:
      UserError: when there are fewer images than a batch, or a batch has no n equal slices.
    """
    an_epoch, (mine, workers) = steps_per_epoch(faces, batch_size), share
    if batch_size % workers:
        raise UserError(f"--batch_size={batch_size}: {workers} share each batch; expected a multiple of {workers}")
    labels, images, side = faces.labels, faces.images, faces.images.shape[1]

    def order_of(epoch: tf.Tensor) -> tf.Tensor:
        order_seed = tf.random.experimental.stateless_fold_in([seed, _SHUFFLE], epoch)
        if settings.balanced_sampling:
            rarity = tf.numpy_function(lambda: np.log(class_weights(labels)[labels]), [], tf.float32)
            rarity = tf.ensure_shape(rarity, (len(faces),))
            return tf.random.stateless_categorical(rarity[tf.newaxis], len(faces), order_seed, tf.int32)[0]
        return tf.random.experimental.stateless_shuffle(tf.range(len(faces)), order_seed)

    def epoch_of(epoch: tf.Tensor) -> tf.data.Dataset:
        # A row of random numbers for every place in the epoch's order. The place, not the image, because balanced
        # sampling draws an image twice; else an image has one place an epoch, whatever the size of a batch.
        view_seed = tf.random.experimental.stateless_fold_in([seed, _AUGMENT], epoch)
        draws = tf.random.stateless_uniform((len(faces), DRAWS), view_seed)
        first, last = (tf.clip_by_value(step - epoch * an_epoch, 0, an_epoch) for step in (steps.start, steps.stop))

        def slices(values: tf.Tensor) -> tf.Tensor:
            whole = tf.reshape(values[: an_epoch * batch_size], (an_epoch, workers, -1, *values.shape[1:]))
            return whole[first:last, mine]

        return tf.data.Dataset.from_tensor_slices((slices(order_of(epoch)), slices(draws)))

    def expected(chosen: np.ndarray) -> np.ndarray:
        images.expect(chosen)
        return chosen

    def announce(chosen: tf.Tensor, draws: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.numpy_function(expected, [chosen], tf.int32), draws

    def view(chosen: tf.Tensor, draws: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        chosen = tf.ensure_shape(chosen, (batch_size // workers,))
        views = augment(
            images.each,
            chosen,
            draws,
            side,
            settings.image_size,
            settings.rotation,
            settings.colour_jitter,
            settings.distortion_names,
        )
        told = tf.numpy_function(lambda rows: (labels[rows], targets[rows]), [chosen], (tf.int32, tf.int32), False)
        return views, *(tf.ensure_shape(values, chosen.shape) for values in told)

    options = tf.data.Options()
    options.autotune.enabled = False  # its thread sleeps for seconds, and whoever drops the iterator waits for it
    batches = tf.data.Dataset.range(steps.start // an_epoch, -(-steps.stop // an_epoch)).flat_map(epoch_of)
    if not images.held:
        batches = batches.map(announce).prefetch(_AHEAD)
    return (
        batches.map(view, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .prefetch(tf.data.AUTOTUNE)
        .with_options(options)
    )


def plainly(batches: Iterable[_Batch]) -> Iterator[_Batch]:
    """The same batches; an image that cannot be read is told of as it was where it was read.

    Raises:
      UserError: naming the file.
    """
    try:
        yield from batches
    except tf.errors.OpError as error:
        # TensorFlow carries an exception of ours as text: its name, its message, and where it was raised.
        told = re.search(rf"\b{UserError.__name__}: (.*?)\n", error.message)
        if told is None:
            raise
        raise UserError(told[1]) from None
