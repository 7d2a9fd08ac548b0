"""A moving average of the weights, for steadier networks than those of any one step."""

from __future__ import annotations

import keras
import tensorflow as tf

from ifgan_tf.models.networks import Networks


class WeightAverage:
    """G and E with the average of the weights that the networks in training have had; D is only needed in training.

    Moving statistics of batch normalisation are averaged as well, so that they fit the averaged weights.

    Attributes:
      networks: G and E of their own, and D itself.
    """

    def __init__(self, trained: Networks, decay: float) -> None:
        """Args:
        trained: the networks to follow.
        decay: the share that the average keeps at a step.
        """
        self._decay = decay
        generator, classifier = map(_copy, (trained.generator, trained.classifier))
        self.networks = Networks(generator, trained.discriminator, classifier)
        self._pairs: list[tuple[keras.Variable, keras.Variable]] = []
        for average, network in ((generator, trained.generator), (classifier, trained.classifier)):
            if average is not None and network is not None:
                self._pairs += zip(average.weights, network.weights, strict=True)

    def follow(self, steps: tf.Tensor) -> None:
        """Moves the averages after a training step.

        Args:
          steps: int [], taken so far. Early on the average forgets faster: initial weights have no place in it.
        """
        taken = tf.cast(steps, tf.float32)
        share = 1.0 - tf.minimum(self._decay, (1.0 + taken) / (10.0 + taken))
        for average, weight in self._pairs:
            average.value.assign_sub(tf.cast(share, average.dtype) * (average.value - weight.value))


def _copy(network: keras.Model | None) -> keras.Model | None:
    if network is None:
        return None
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    return copy
