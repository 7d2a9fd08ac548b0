"""One training step: G, D and E together (paper §3)."""

from __future__ import annotations

import functools
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from ifgan_tf import losses
from ifgan_tf.config import LossConfig, OptimizerConfig
from ifgan_tf.models.classifier import recomputed_classifier
from ifgan_tf.models.face_span import give_average_faces
from ifgan_tf.models.networks import Networks
from ifgan_tf.training.centres import Centres, Features
from ifgan_tf.training.optimizers import build_adam, with_weight_decay
from ifgan_tf.training.tuples import classify
from ifgan_tf.training.weight_average import WeightAverage

Metrics = dict[str, tf.Tensor]


class Trainer:
    """The networks of a run with what training them needs: two Adam optimizers and the class centres of Eq. 5.

    Attributes:
      networks: G, D and E; for the baseline E alone.
      average: of their weights, or None.
      centres: of the classes.
      step: the `tf.function`; see `train_step`.
    """

    def __init__(
        self,
        networks: Networks,
        average_faces: tf.Tensor | None,
        classifier_input: str,
        loss: LossConfig,
        optimizer: OptimizerConfig,
        steps_per_epoch: int,
        class_weights: np.ndarray | None = None,
        jit_compile: bool = False,
        recompute: bool = False,
    ) -> None:
        """Args:
        networks: new, or of a checkpoint.
        average_faces: float32 [T, S, S, 3] in [-1, 1], centre-cropped: G's targets, one of each class and, with
          `targets=intensity`, behind them one of each class and grade; the baseline needs none.
        classifier_input: what E is shown, as in `ModelConfig`.
        loss, optimizer: settings.
        steps_per_epoch: for the learning rate's schedule.
        class_weights: float32 [classes], of the expression loss; all 1 in the paper.
        jit_compile: compile the step with XLA.
        recompute: compute E's feature maps once more for the gradient instead of keeping them.
        """
        self.networks = networks
        self.average_faces = average_faces
        self.loss = loss
        self._classifier_input = classifier_input
        self._class_weights = class_weights
        self._settings = optimizer
        E = networks.classifier
        self._classify = recomputed_classifier(E) if recompute else functools.partial(E, training=True)
        if average_faces is not None:
            give_average_faces(networks.generator, average_faces.numpy())
        said = networks.classifier.output
        self.centres = Centres(said["logits"].shape[-1], said["feature"].shape[-1], loss)
        self.optimizer = build_adam(optimizer, steps_per_epoch, self.generator_and_classifier_variables)
        self.discriminator_optimizer = (
            build_adam(optimizer, steps_per_epoch, self.discriminator_variables) if networks.discriminator else None
        )
        self.average = WeightAverage(networks, optimizer.weight_average) if optimizer.weight_average else None
        self.step: Callable[..., Metrics] = tf.function(self.train_step, jit_compile=jit_compile or None)

    @property
    def finished_networks(self) -> Networks:
        """What to validate, keep and use: the averages of the weights, or the weights themselves."""
        return self.average.networks if self.average else self.networks

    @property
    def generator_and_classifier_variables(self) -> list[keras.Variable]:
        """What Eq. 1 is minimised over."""
        generator = self.networks.generator
        return (generator.trainable_variables if generator else []) + self.networks.classifier.trainable_variables

    @property
    def discriminator_variables(self) -> list[keras.Variable]:
        """What -L_cGAN is minimised over."""
        return self.networks.discriminator.trainable_variables if self.networks.discriminator else []

    def train_step(self, images: tf.Tensor, labels: tf.Tensor, targets: tf.Tensor | None = None) -> Metrics:
        """One update of G, D and E, both gradients at the same parameters, G run forward once.

        Args:
          images, labels, targets: see `forward`.
        Returns:
          Scalars: every loss term, `loss` (Eq. 1), gradient norms, and E's `accuracy` on what it sees at test time.
        """
        with tf.GradientTape(persistent=True) as tape:
            terms, logits, features = self.forward(images, labels, targets)
            loss = losses.total_loss(terms, self.loss)  # Eq. 1

        metrics = {**terms, "loss": loss, "accuracy": _accuracy(labels, logits)}
        ours, theirs = self.generator_and_classifier_variables, self.discriminator_variables
        gradients = tape.gradient(loss, _values(ours))
        metrics["gradient_norm"] = tf.linalg.global_norm(gradients)
        self.centres.move(tape, loss, self.optimizer.learning_rate, features)
        if self.discriminator_optimizer is not None:
            against = tape.gradient(terms["gan_discriminator"], _values(theirs))  # -L_cGAN
            metrics["discriminator_gradient_norm"] = tf.linalg.global_norm(against)
            self.discriminator_optimizer.apply(with_weight_decay(against, theirs, self._settings), theirs)
        self.optimizer.apply(with_weight_decay(gradients, ours, self._settings), ours)
        if self.average is not None:
            self.average.follow(self.optimizer.iterations.value)
        return metrics

    def forward(
        self, images: tf.Tensor, labels: tf.Tensor, targets: tf.Tensor | None = None
    ) -> tuple[losses.Terms, tf.Tensor, Features]:
        """All loss terms of a batch.

        Args:
          images: uint8 [B, S, S, 3].
          labels: int32 [B].
          targets: int32 [B], which of the average faces G is to draw; that of the label if None.
        Returns:
          The terms of Eq. 2 to 5; E's logits [B, classes] on what it sees at test time; E's features of all that it
          saw.
        """
        G, D, _ = self.networks
        photo = tf.cast(images, tf.float32) / 127.5 - 1.0  # I_SE
        weights = None if self._class_weights is None else tf.gather(self._class_weights, labels)
        if G is None or D is None:
            said = self._classify(photo)
            features = Features(said["feature"], labels, tf.ones_like(said["feature"][:, 0]))
            terms = losses.softmax_loss(labels, said["logits"], weights=weights)
            return terms | self.centres.island_loss(features), said["logits"], features

        targets = labels if targets is None else targets
        average = tf.gather(self.average_faces, targets)  # I_AE
        generated = G(photo, training=True)  # G(I_SE)
        terms = losses.gan_loss(D([photo, average], training=True), D([photo, generated], training=True))  # Eq. 2
        terms |= losses.l1_loss(average, generated)  # Eq. 3
        lambda_real = self.loss.lambda_real
        real = self.average_faces if lambda_real else None
        said = classify(self._classify, self._classifier_input, photo, generated, real, targets)
        tuples = [lambda_real, 1.0] if lambda_real else [1.0]
        logits = tf.split(said["logits"], len(tuples))
        shares = tf.repeat(tf.constant(tuples, said["feature"].dtype), tf.shape(labels)[0])
        features = Features(said["feature"], tf.tile(labels, [len(tuples)]), shares)
        terms |= losses.softmax_loss(labels, *logits, lambda_real=lambda_real, weights=weights)  # Eq. 4
        terms |= self.centres.island_loss(features)  # Eq. 5
        return terms, logits[-1], features


def _values(variables: list[keras.Variable]) -> list[tf.Variable]:
    return [variable.value for variable in variables]


def _accuracy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.cast(tf.argmax(logits, -1, tf.int32) == labels, tf.float32))
