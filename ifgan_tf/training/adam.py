"""Adam whose update of a weight is one operation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf


class Adam(keras.optimizers.Adam):
    """Keras' Adam, in one pass over a weight, its gradient and its two moments instead of a dozen.

    The same formula, of TensorFlow's own operation, which rounds 1 - β and nothing else another way.

    Keras sums gradients over all replicas. Here they are sums already, the same everywhere, and every replica updates
    its own copies of the variables.
    """

    def apply(self, gradients: Sequence[tf.Tensor], variables: Sequence[keras.Variable]) -> None:
        """One update.

        Args:
          gradients: of every variable.
          variables: those that this optimizer was built for, in that order.
        """
        kind = variables[0].dtype
        taken = tf.cast(self.iterations.value + 1, kind)
        beta_1, beta_2 = tf.constant(self.beta_1, kind), tf.constant(self.beta_2, kind)
        shared: dict[str, Any] = {
            "beta1_power": beta_1**taken,
            "beta2_power": beta_2**taken,
            "lr": tf.cast(self.learning_rate, kind),
            "beta1": beta_1,
            "beta2": beta_2,
            "epsilon": tf.constant(self.epsilon, kind),
        }
        moments = zip(self._momentums, self._velocities, strict=True)
        for variable, (m, v), gradient in zip(variables, moments, gradients, strict=True):
            tf.raw_ops.ResourceApplyAdam(
                var=variable.value.handle, m=m.value.handle, v=v.value.handle, grad=gradient, **shared
            )
        self.iterations.assign_add(1)
