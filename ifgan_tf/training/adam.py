"""Adam whose update of a weight is one operation."""

from __future__ import annotations

import keras
import tensorflow as tf


class Adam(keras.optimizers.Adam):
    """Keras' Adam, in one pass over a weight, its gradient and its two moments instead of a dozen.

    The same formula, of TensorFlow's own operation, which rounds 1 - β and nothing else another way. All that is around
    an update (clipping, slots, checkpoints, replicas that update together) is Keras'.
    """

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        """Moves `variable` against `gradient`, and the moments with it; called by `apply`."""
        place, kind = self._get_variable_index(variable), variable.dtype
        step = tf.cast(self.iterations.value + 1, kind)
        beta_1, beta_2 = tf.constant(self.beta_1, kind), tf.constant(self.beta_2, kind)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[place].value.handle,
            v=self._velocities[place].value.handle,
            beta1_power=beta_1**step,
            beta2_power=beta_2**step,
            lr=tf.cast(learning_rate, kind),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.constant(self.epsilon, kind),
            grad=gradient,
        )
