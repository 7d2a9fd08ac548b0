"""The class centres of the island loss (Eq. 5): where they start, and the two ways to learn them."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from ifgan_tf import losses
from ifgan_tf.config import LossConfig


class Features(NamedTuple):
    """What Eq. 5 is taken of.

    Attributes:
      values: float [M, F], pooled features of E.
      labels: int [M].
      weights: float [M], how much each counts.
    """

    values: tf.Tensor
    labels: tf.Tensor
    weights: tf.Tensor


class Centres:
    """Class centres in the space of E's pooled feature.

    Attributes:
      variable: float32 [classes, F].
    """

    def __init__(self, classes: int, features: int, settings: LossConfig) -> None:
        self._settings = settings
        self.variable = tf.Variable(tf.zeros((classes, features)), name="centres")

    def island_loss(self, features: Features) -> losses.Terms:
        """Eq. 5."""
        centres = self._started(features)
        if self._settings.centre_update == "rule":
            centres = tf.stop_gradient(centres)
        return losses.island_loss(
            features.values,
            features.labels,
            centres,
            self._settings.island_alpha,
            self._settings.island_reduction,
            features.weights,
        )

    def move(self, tape: tf.GradientTape, loss: tf.Tensor, learning_rate: tf.Tensor, features: Features) -> None:
        """One update: against the gradient of `loss` on `tape`, or by the centre-loss rule."""
        centres = self._started(features)
        if self._settings.centre_update == "gradient":
            self.variable.assign(centres - learning_rate * tape.gradient(loss, self.variable))
        else:
            rate, alpha = self._settings.centre_rate, self._settings.island_alpha
            self.variable.assign(
                losses.centre_step(features.values, features.labels, centres, rate, alpha, features.weights)
            )

    def _started(self, features: Features) -> tf.Tensor:
        """The centres, those of classes that were not seen before at the mean of their images here.

        From zero they would begin by pulling all features there: a sum over thousands of squares that outweighs every
        other term, and some networks never come back from it. The means of a pass over many images before the first
        step bring nothing more: with an untrained ResNet-101 at 64 pixels, batch 16, the island term begins at 2960
        from zero, 894 from the first batch and 1066 from a pass over 20 batches; in step 10 all have 470 to 490.
        """
        members = tf.one_hot(features.labels, self.variable.shape[0], dtype=features.values.dtype)
        members *= features.weights[:, tf.newaxis]  # [M, N]
        count = tf.reduce_sum(members, axis=0)[:, tf.newaxis]  # [N, 1]
        means = tf.math.divide_no_nan(tf.matmul(members, features.values, transpose_a=True), count)
        unseen = tf.reduce_all(self.variable == 0, axis=-1, keepdims=True)
        return tf.where(unseen, tf.stop_gradient(means), self.variable)
