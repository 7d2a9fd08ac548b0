"""A moving average of the weights, for steadier networks than those of any one step."""

from __future__ import annotations

import keras
import tensorflow as tf

from ifgan_tf.config import Config, without_initial_weights
from ifgan_tf.models.networks import Networks, build_networks


class WeightAverage:
    """G and E with the average of the weights that the networks in training have had; D is only needed in training.

    Moving statistics of batch normalisation are averaged as well, so that they fit the averaged weights.

    Attributes:
      networks: G and E of their own, and D itself.
    """

    def __init__(self, config: Config, trained: Networks) -> None:
        """Args:
        config: of the run; `weight_average` is the share that the average keeps at a step.
        trained: the networks to follow.
        """
        self._decay = config.optimizer.weight_average
        own = build_networks(without_initial_weights(config))
        self.networks = own._replace(discriminator=trained.discriminator)
        self._pairs: list[tuple[keras.Variable, keras.Variable]] = []
        for average, network in (
            (self.networks.generator, trained.generator),
            (self.networks.classifier, trained.classifier),
        ):
            if average is not None and network is not None:
                average.set_weights(network.get_weights())
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
