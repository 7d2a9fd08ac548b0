"""Adam as the paper uses it: its schedule, and L2 in the gradient (§4.3)."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from ifgan_tf.config import OptimizerConfig
from ifgan_tf.training.adam import Adam

_RISING = 0.05  # of a cosine's steps


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
    """Initially 1e-4, reduced by a factor 0.9 every 10 epochs (§4.3); or a cosine (Loshchilov & Hutter, ICLR 2017)."""
    if settings.learning_rate_schedule == "cosine":
        steps = settings.epochs * steps_per_epoch
        rising = max(1, round(_RISING * steps))
        return keras.optimizers.schedules.CosineDecay(
            0.0, steps - rising, warmup_target=settings.learning_rate, warmup_steps=rising
        )
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
