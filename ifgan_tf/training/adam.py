"""Adam with one operation of TensorFlow a weight."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf


class Adam(keras.optimizers.Adam):
    """Keras' Adam: the same formula, state and names. Keras composes every update of some fifteen operations."""

    def apply(self, grads: Sequence[tf.Tensor], trainable_variables: Sequence[keras.Variable]) -> None:
        """Moves every variable by its gradient.

        Args:
          grads: dense, one a variable.
          trainable_variables: those that the optimizer was built for, in that order.
        """
        step = tf.cast(self.iterations + 1, tf.float32)
        powers = {"beta1_power": tf.pow(self.beta_1, step), "beta2_power": tf.pow(self.beta_2, step)}
        rate = tf.cast(self.learning_rate, tf.float32)
        for gradient, variable, momentum, velocity in zip(
            grads, trainable_variables, self._momentums, self._velocities, strict=True
        ):
            tf.raw_ops.ResourceApplyAdam(
                var=variable.value.handle,
                m=momentum.value.handle,
                v=velocity.value.handle,
                **powers,
                lr=rate,
                beta1=self.beta_1,
                beta2=self.beta_2,
                epsilon=self.epsilon,
                grad=gradient,
            )
        self.iterations.assign_add(1)
