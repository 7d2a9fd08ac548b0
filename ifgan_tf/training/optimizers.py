"""Adam as the paper uses it: its schedule, and L2 in the gradient (§4.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from ifgan_tf.config import OptimizerConfig


class Adam(keras.optimizers.Adam):
    """Keras' Adam with TensorFlow's operation for the update of a variable, where Keras composes a dozen.

    Keras sums gradients over all replicas. Here they are sums already, the same everywhere, and every replica updates
    its own copies of the variables.
    """

    def apply(self, gradients: Sequence[tf.Tensor], variables: Sequence[keras.Variable]) -> None:
        """One update.

        Args:
          gradients: of every variable.
          variables: those that this optimizer was built for, in that order.
        """
        rate, dtype = self.learning_rate, variables[0].dtype
        taken = tf.cast(self.iterations.value + 1, dtype)
        beta_1, beta_2, epsilon = (tf.constant(value, dtype) for value in (self.beta_1, self.beta_2, self.epsilon))
        shared: dict[str, Any] = {
            "beta1_power": tf.pow(beta_1, taken),
            "beta2_power": tf.pow(beta_2, taken),
            "lr": tf.cast(rate, dtype),
            "beta1": beta_1,
            "beta2": beta_2,
            "epsilon": epsilon,
        }
        moments = zip(self._momentums, self._velocities, strict=True)
        for variable, (m, v), gradient in zip(variables, moments, gradients, strict=True):
            tf.raw_ops.ResourceApplyAdam(
                var=variable.value.handle, m=m.value.handle, v=v.value.handle, grad=gradient, **shared
            )
        self.iterations.assign_add(1)


def build_adam(
    settings: OptimizerConfig, steps_per_epoch: int, variables: Sequence[keras.Variable], rate_factor: tf.Variable
) -> Adam:
    """Adam for some variables, at `rate_factor` times the learning rate of its schedule.

    Built here: a checkpoint restored into an optimizer that is built later loses its moments.
    """
    rate = _Scaled(learning_rate(settings, steps_per_epoch), rate_factor)
    adam = Adam(rate, beta_1=settings.beta_1, beta_2=settings.beta_2, epsilon=1e-8)
    adam.build(variables)
    return adam


def learning_rate(settings: OptimizerConfig, steps_per_epoch: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """Initially 1e-4, reduced by a factor 0.9 every 10 epochs (§4.3)."""
    return keras.optimizers.schedules.ExponentialDecay(
        settings.learning_rate,
        decay_steps=settings.learning_rate_decay_epochs * steps_per_epoch,
        decay_rate=settings.learning_rate_decay,
        staircase=True,
    )


class _Scaled(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule times a factor that may change in the course of training."""

    def __init__(self, schedule: keras.optimizers.schedules.LearningRateSchedule, factor: tf.Variable) -> None:
        self._schedule, self._factor = schedule, factor

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        return self._schedule(step) * self._factor


def with_weight_decay(
    gradients: Sequence[tf.Tensor], variables: Sequence[keras.Variable], settings: OptimizerConfig
) -> list[tf.Tensor]:
    """L2 penalty in the gradient, as PyTorch's Adam has it: wd·w is added (§4.3).

    Args:
      gradients: of every variable.
      variables: trainable ones.
      settings: `weight_decay`, and its scope: of all variables, or of kernels alone.
    """

    def decays(variable: keras.Variable) -> bool:
        return settings.weight_decay_scope == "all" or variable.name.endswith("kernel")

    return [
        gradient + settings.weight_decay * variable if decays(variable) else gradient
        for gradient, variable in zip(gradients, variables, strict=True)
    ]
