"""What every term of Eq. 1 weighs in the loss, and how hard it pulls at G and at E."""

from __future__ import annotations

from collections.abc import Callable

import keras
import tensorflow as tf

from ifgan_tf import losses, replicas
from ifgan_tf.models.networks import trackables
from ifgan_tf.training.step import Trainer

Balance = dict[str, dict[str, float]]


class BalanceMeter:
    """Measures the balance of the loss terms on a batch, and leaves the trainer as it was, bit by bit.

    A backward pass a term makes it cost a few training steps: meant for one batch an epoch.
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._measure: Callable[..., dict[str, dict[str, tf.Tensor]]] = tf.function(
            lambda *batch: replicas.run(self._measured, *batch)
        )

    def measure(self, *batch: tf.Tensor) -> Balance:
        """The balance at the trainer's weights, as its next step on this batch would meet it.

        Args:
          *batch: what `Trainer.step` takes; of one that is computed in parts, the first is measured.
        Returns:
          `balance`: term → λ·loss, of every term that the total loss depends on and training can change; parts of a
          term (`softmax_real` of `softmax`) are there beside it, so these do not add up to the loss.
          `gradient_generator`, `gradient_classifier`: term → norm of λ·gradient at all weights of G, of E; of terms
          that reach it.
        """
        told = self._measure(*batch)
        return {group: {name: float(value) for name, value in values.items()} for group, values in told.items()}

    def _measured(self, *batch: tf.Tensor) -> dict[str, dict[str, tf.Tensor]]:
        batch = tuple(tf.split(values, self._trainer.parts)[0] for values in batch)
        # Writes of moving statistics and of dropout's random states end in the scope and are dropped with it.
        with keras.StatelessScope(), tf.GradientTape(persistent=True) as tape:
            terms, _, _ = self._trainer.forward(*batch)
            for term in terms.values():
                tape.watch(term)
            loss = losses.total_loss(terms, self._trainer.loss)
        networks = trackables(self._trainer.networks)
        weights = {
            name: [variable.value for variable in networks[name].trainable_variables]
            for name in ("generator", "classifier")
            if name in networks
        }
        # λ of a term is what the loss changes by with it: true of its parts, and of terms that are yet to come.
        lambdas = dict(zip(terms, tape.gradient(loss, list(terms.values())), strict=True))
        balance = {name: weight * terms[name] for name, weight in lambdas.items() if weight is not None}
        balance = replicas.mean(balance)
        norms: dict[str, dict[str, tf.Tensor]] = {network: {} for network in weights}
        for name in balance:
            # One pass after the other: at once, their memory would add up.
            with tf.control_dependencies([norm for known in norms.values() for norm in known.values()]):
                reached = tape.gradient(terms[name], weights, output_gradients=lambdas[name])
                for network, gradients in reached.items():
                    if found := [gradient for gradient in gradients if gradient is not None]:
                        norms[network][name] = tf.linalg.global_norm(replicas.mean(found))
        return {"balance": balance, **{f"gradient_{network}": known for network, known in norms.items()}}
