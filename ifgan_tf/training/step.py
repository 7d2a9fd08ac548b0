"""One training step: G, D and E together (paper §3)."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from ifgan_tf import losses, replicas
from ifgan_tf.config import LossConfig, OptimizerConfig
from ifgan_tf.models.classifier import recomputed_classifier
from ifgan_tf.models.face_span import give_average_faces
from ifgan_tf.models.networks import Networks
from ifgan_tf.training.centres import Centres, Features
from ifgan_tf.training.optimizers import build_adam, with_weight_decay
from ifgan_tf.training.tuples import classify
from ifgan_tf.training.weight_average import WeightAverage

Metrics = dict[str, tf.Tensor]


class Gradients(NamedTuple):
    """What a batch, or the part of it that one replica has, asks for.

    Attributes:
      of_loss: of Eq. 1 at the variables of G and E.
      at_centres: of Eq. 1 at the centres, float [N, F]; zeros where the centre-loss rule moves them.
      of_discriminator: of -L_cGAN at the variables of D; none for the baseline.
      metrics: scalars.
    """

    of_loss: list[tf.Tensor]
    at_centres: tf.Tensor
    of_discriminator: list[tf.Tensor]
    metrics: Metrics


class Trainer:
    """The networks of a run with what training them needs: two Adam optimizers and the class centres of Eq. 5.

    Made in the scope of a `tf.distribute.Strategy` it trains on all of its replicas, each with its part of the batch,
    as one replica would with all of it. A replica's terms are such that their mean is that of the batch; gradients,
    batch statistics and the sums that move the centres are those of the whole batch.

    Attributes:
      networks: G, D and E; for the baseline E alone.
      parts: of a batch that are computed one after the other.
      average: of their weights, or None.
      centres: of the classes.
      rate_factor: float32 [], on the learning rate of both optimizers; 1 unless a run was rewound.
      step: the `tf.function`; see `train_step`.
      several: another, of more than one batch; see `train_steps`.
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
        self.parts = optimizer.gradient_accumulation
        self.centres = Centres(said["logits"].shape[-1], said["feature"].shape[-1], loss, self.parts)
        self.rate_factor = tf.Variable(1.0, trainable=False)
        settings = optimizer, steps_per_epoch
        self.optimizer = build_adam(*settings, self.generator_and_classifier_variables, self.rate_factor)
        self.discriminator_optimizer = (
            build_adam(*settings, self.discriminator_variables, self.rate_factor) if networks.discriminator else None
        )
        self.average = WeightAverage(networks, optimizer.weight_average) if optimizer.weight_average else None
        self.step: Callable[..., Metrics] = tf.function(
            lambda *batch: replicas.run(self.train_step, *batch), jit_compile=jit_compile or None
        )
        self.several: Callable[..., Metrics] = tf.function(self.train_steps)

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
        targets = labels if targets is None else targets
        gradients, features = self._accumulated(images, labels, targets)
        gradients = replicas.mean(gradients)
        ours, theirs = self.generator_and_classifier_variables, self.discriminator_variables
        metrics = {**gradients.metrics, "gradient_norm": tf.linalg.global_norm(gradients.of_loss)}
        self.centres.move(gradients.at_centres, self.optimizer.learning_rate, features)
        if self.discriminator_optimizer is not None:
            against = gradients.of_discriminator
            metrics["discriminator_gradient_norm"] = tf.linalg.global_norm(against)
            self.discriminator_optimizer.apply(with_weight_decay(against, theirs, self._settings), theirs)
        self.optimizer.apply(with_weight_decay(gradients.of_loss, ours, self._settings), ours)
        if self.average is not None:
            self.average.follow(self.optimizer.iterations.value)
        return metrics

    def train_steps(self, *batches: tuple[tf.Tensor, ...]) -> Metrics:
        """A `step` for each of several batches, one after the other, in one graph.

        Args:
          *batches: what a step takes, each.
        Returns:
          The metrics of all steps, float32 [batches] each.
        """
        stacked = replicas.on_each(_stacked, *batches)
        names: list[str] = []

        def step(number: tf.Tensor) -> tf.Tensor:
            metrics = self.step(*replicas.on_each(lambda *values: [value[number] for value in values], *stacked))
            names[:] = metrics
            return tf.stack(list(metrics.values()))

        numbers = tf.range(len(batches))
        values = tf.map_fn(step, numbers, fn_output_signature=tf.float32, parallel_iterations=1)
        return dict(zip(names, tf.unstack(values, axis=1), strict=True))

    def _accumulated(self, *batch: tf.Tensor) -> tuple[Gradients, Features]:
        """The gradients of a batch, of its parts one after the other: memory is that of a part.

        Batch statistics, and where centres start, are of a part; all else is as of the whole batch.
        """
        if self.parts == 1:
            return self._gradients(*batch)
        total: Any = None
        for part in zip(*(tf.split(values, self.parts) for values in batch), strict=True):
            with tf.control_dependencies([] if total is None else tf.nest.flatten(total)):
                gradients, features = self._gradients(*part)
                share = tf.nest.map_structure(lambda gradient: gradient / self.parts, gradients)
                passed = share, (features.sums, features.counts)
                total = passed if total is None else tf.nest.map_structure(tf.add, total, passed)
        gradients, (sums, counts) = total
        return gradients, features._replace(sums=sums, counts=counts)

    def _gradients(self, images: tf.Tensor, labels: tf.Tensor, targets: tf.Tensor) -> tuple[Gradients, Features]:
        """Both gradients at the same parameters, from one pass forward."""
        with tf.GradientTape(persistent=True) as tape:
            terms, logits, features = self.forward(images, labels, targets)
            loss = losses.total_loss(terms, self.loss)  # Eq. 1
        centres = self.centres.variable
        *ours, at_centres = tape.gradient(loss, [*_values(self.generator_and_classifier_variables), centres])
        theirs = _values(self.discriminator_variables)
        return Gradients(
            of_loss=ours,
            at_centres=tf.zeros_like(centres) if at_centres is None else tf.convert_to_tensor(at_centres),
            of_discriminator=tape.gradient(terms["gan_discriminator"], theirs) if theirs else [],  # -L_cGAN
            metrics={**terms, "loss": loss, "accuracy": _accuracy(labels, logits)},
        ), features

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
        softmax_loss = functools.partial(losses.softmax_loss, weights=weights, smoothing=self.loss.label_smoothing)
        if G is None or D is None:
            said = self._classify(photo)
            features = self.centres.features(said["feature"], labels)
            terms = softmax_loss(labels, said["logits"])
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
        features = self.centres.features(said["feature"], tf.tile(labels, [len(tuples)]), shares)
        terms |= softmax_loss(labels, *logits, lambda_real=lambda_real)  # Eq. 4
        terms |= self.centres.island_loss(features)  # Eq. 5
        return terms, logits[-1], features


def _stacked(*batches: tuple[tf.Tensor, ...]) -> list[tf.Tensor]:
    return [tf.stack(values) for values in zip(*batches, strict=True)]


def _values(variables: list[keras.Variable]) -> list[tf.Variable]:
    return [variable.value for variable in variables]


def _accuracy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.cast(tf.argmax(logits, -1, tf.int32) == labels, tf.float32))
