"""The class centres of the island loss (Eq. 5): where they start, and the two ways to learn them."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from ifgan_tf import losses, replicas
from ifgan_tf.config import LossConfig


class Features(NamedTuple):
    """What Eq. 5 is taken of.

    Attributes:
      values: float [M, F], pooled features of E.
      labels: int [M].
      weights: float [M], how much each counts.
      sums, counts: float [N, F] and [N, 1], of the classes over the whole batch, see `losses.class_sums`.
    """

    values: tf.Tensor
    labels: tf.Tensor
    weights: tf.Tensor
    sums: tf.Tensor
    counts: tf.Tensor


class Centres:
    """Class centres in the space of E's pooled feature.

    Attributes:
      variable: float32 [classes, F].
    """

    def __init__(self, classes: int, features: int, settings: LossConfig, parts: int = 1) -> None:
        """Args:
        classes, features: N and F.
        settings: of Eq. 5.
        parts: of a replica's batch, each with features of its own.
        """
        self._settings, self._parts = settings, parts
        self.variable = tf.Variable(tf.zeros((classes, features)), name="centres")

    def features(self, values: tf.Tensor, labels: tf.Tensor, weights: tf.Tensor | None = None) -> Features:
        """What Eq. 5 needs to know of E's features.

        Args:
          values: float [M, F]; of several replicas, those of this one.
          labels: int [M].
          weights: float [M], how much each counts; all 1 if None.
        """
        if weights is None:
            weights = tf.ones_like(values[:, 0])
        sums = losses.class_sums(tf.stop_gradient(values), labels, self.variable.shape[0], weights)
        return Features(values, labels, weights, *replicas.total(sums))

    def island_loss(self, features: Features) -> losses.Terms:
        """Eq. 5; of several replicas and parts of a batch, such that it is the mean of theirs."""
        centres, shares = self._started(features), replicas.count() * self._parts
        if self._settings.centre_update == "rule":
            centres = tf.stop_gradient(centres)
        return losses.island_loss(
            features.values,
            features.labels,
            centres,
            self._settings.island_alpha,
            self._settings.island_reduction,
            features.weights if shares == 1 else features.weights * shares,
        )

    def move(self, gradient: tf.Tensor | None, learning_rate: tf.Tensor, features: Features) -> None:
        """One update: against `gradient`, that of the loss at the centres, or by the centre-loss rule."""
        centres = self._started(features)
        if self._settings.centre_update == "gradient":
            self.variable.assign(centres - learning_rate * gradient)
        else:
            rate, alpha = self._settings.centre_rate, self._settings.island_alpha
            self.variable.assign(losses.centre_step(features.sums, features.counts, centres, rate, alpha))

    def _started(self, features: Features) -> tf.Tensor:
        """The centres, those of classes that were not seen before at the mean of their images here.

        From zero they would begin by pulling all features there: a sum over thousands of squares that outweighs every
        other term, and some networks never come back from it. The means of a pass over many images before the first
        step bring nothing more: with an untrained ResNet-101 at 64 pixels, batch 16, the island term begins at 2960
        from zero, 894 from the first batch and 1066 from a pass over 20 batches; in step 10 all have 470 to 490.
        """
        means = tf.math.divide_no_nan(features.sums, features.counts)
        unseen = tf.reduce_all(self.variable == 0, axis=-1, keepdims=True)
        return tf.where(unseen, means, self.variable)
