"""Networks that forget most of what they compute, and compute it again when the gradient asks for it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

PARTS = 8  # of about equal size; more would keep more at their borders than they save inside


def recomputed(network: keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
    """A network in training, whose feature maps are not kept for the gradient but for those at a few borders.

    Between two borders everything is computed once more when the gradient comes there: memory against a forward pass.
    Weights, results and gradients are those of `network(x, training=True)`. Moving statistics move once and dropout
    drops the same values both times, because what the second pass writes is thrown away.

    Args:
      network: functional, of one input and one output, each of its layers called once.
    Returns:
      A function of what the network takes: float [B, …] → float [B, …].
    """
    *parts, last = [keras.Model(*ends) for ends in itertools.pairwise([network.input, *borders(network)])]
    calls = [_recomputed(part) for part in parts]

    def call(x: tf.Tensor) -> tf.Tensor:
        for one in calls:
            x = one(x)
        return last(x, training=True)  # its gradient comes at once: nothing is gained by forgetting it

    return call


def borders(network: keras.Model) -> list[keras.KerasTensor]:
    """Where the network can be cut into `PARTS` or fewer: tensors that alone are read behind them. Its output is last.

    Of the parts none is smaller than its share of all that the network computes, if it is not the last.
    """
    operations = [operation for operation in network.operations if not isinstance(operation, keras.layers.InputLayer)]
    sizes = np.array([np.prod(operation.output.shape[1:]) for operation in operations], np.float64)
    last_read = {id(tensor): place for place, one in enumerate(operations) for tensor in keras.tree.flatten(one.input)}
    found: list[keras.KerasTensor] = []
    waiting: set[int] = set()  # tensors that an operation behind will read
    for place, (operation, computed) in enumerate(zip(operations, np.cumsum(sizes) / np.sum(sizes), strict=True)):
        waiting.add(id(operation.output))
        waiting = {tensor for tensor in waiting if last_read.get(tensor, place + 1) > place}
        if operation is operations[-1] or (len(waiting) == 1 and computed >= (len(found) + 1) / PARTS):
            found.append(operation.output)
    return found


def _recomputed(part: keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
    random_states = [state for state in part.non_trainable_variables if state.name == "seed_generator_state"]

    def call(x: tf.Tensor) -> tf.Tensor:
        drawn_from = [(state, tf.identity(state.value)) for state in random_states]

        @tf.custom_gradient
        def run(x: tf.Tensor) -> tuple[tf.Tensor, Callable[..., Any]]:
            def gradient(upstream: tf.Tensor, variables: Sequence[tf.Variable] = ()) -> Any:
                with tf.control_dependencies([upstream]):  # or it would be computed again at once, and kept
                    again = tf.identity(x)
                with keras.StatelessScope(drawn_from), tf.GradientTape() as tape:
                    tape.watch(again)
                    y = part(again, training=True)
                to_x, to_variables = tape.gradient(y, [again, list(variables)], upstream)
                return to_x, to_variables

            return part(x, training=True), gradient

        return run(x)

    return call
