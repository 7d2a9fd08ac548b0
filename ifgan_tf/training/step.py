"""One training step: G, D and E together (paper §3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ifgan_tf import losses
from ifgan_tf.config import Config, OptimizerConfig
from ifgan_tf.models.generator import SPAN
from ifgan_tf.models.inference import classifier_images
from ifgan_tf.models.networks import Networks
from ifgan_tf.training.adam import Adam
from ifgan_tf.training.weight_average import WeightAverage

Metrics = dict[str, tf.Tensor]


class Trainer:
    """The networks of a run with what training them needs: two Adam optimizers and the class centres of Eq. 5.

    Attributes:
      networks: G, D and E; for the baseline E alone.
      average: of their weights, or None.
      centres: float32 [classes, F].
      step: the `tf.function`; see `train_step`.
    """

    def __init__(
        self,
        config: Config,
        networks: Networks,
        average_faces: tf.Tensor,
        steps_per_epoch: int,
        class_weights: np.ndarray | None = None,
    ) -> None:
        """Args:
        config: of the run.
        networks: new, or of a checkpoint.
        average_faces: float32 [classes, S, S, 3] in [-1, 1], centre-cropped: G's targets.
        steps_per_epoch: for the learning rate's schedule.
        class_weights: float32 [classes], of the expression loss; all 1 in the paper.
        """
        self.config = config
        self.networks = networks
        self.average_faces = average_faces
        self.class_weights = class_weights
        if networks.generator is not None and config.model.generator_span:
            networks.generator.get_layer(SPAN).set_average_faces(average_faces.numpy())
        features = networks.classifier.output["feature"].shape[-1]
        self.centres = tf.Variable(tf.zeros((config.data.num_classes, features)), name="centres")
        # Built here: a checkpoint restored into an optimizer that is built later loses Adam's moments.
        self.optimizer = _adam(config.optimizer, steps_per_epoch, self.generator_and_classifier_variables)
        self.discriminator_optimizer = (
            _adam(config.optimizer, steps_per_epoch, self.discriminator_variables) if networks.discriminator else None
        )
        self.average = WeightAverage(config, networks) if config.optimizer.weight_average else None
        self.step: Callable[[tf.Tensor, tf.Tensor], Metrics] = tf.function(
            self.train_step, jit_compile=config.run.jit_compile or None
        )

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

    def train_step(self, images: tf.Tensor, labels: tf.Tensor) -> Metrics:
        """One update of G, D and E, both gradients at the same parameters, G run forward once.

        Args:
          images: uint8 [B, S, S, 3].
          labels: int32 [B].
        Returns:
          Scalars: every loss term, `loss` (Eq. 1), gradient norms, and E's `accuracy` on what it sees at test time.
        """
        with tf.GradientTape(persistent=True) as tape:
            terms, logits, features = self.forward(images, labels)
            loss = losses.total_loss(terms, self.config.loss)

        variables = [v.value for v in self.generator_and_classifier_variables]
        learn_centres = self.config.loss.centre_update == "gradient"
        gradients = tape.gradient(loss, variables + ([self.centres] if learn_centres else []))
        metrics = {**terms, "loss": loss, "accuracy": _accuracy(labels, logits)}
        if learn_centres:
            self.centres.assign_sub(self.optimizer.learning_rate * gradients.pop())
        else:
            self._move_centres(features, labels)
        metrics["gradient_norm"] = tf.linalg.global_norm(gradients)
        if self.discriminator_optimizer is not None:
            discriminator_gradients = tape.gradient(
                terms["gan_discriminator"], [v.value for v in self.discriminator_variables]
            )
            metrics["discriminator_gradient_norm"] = tf.linalg.global_norm(discriminator_gradients)
            self._apply(self.discriminator_optimizer, discriminator_gradients, self.discriminator_variables)
        self._apply(self.optimizer, gradients, self.generator_and_classifier_variables)
        if self.average is not None:
            self.average.follow(self.optimizer.iterations.value)
        return metrics

    def forward(self, images: tf.Tensor, labels: tf.Tensor) -> tuple[losses.Terms, tf.Tensor, tf.Tensor]:
        """All loss terms of a batch.

        Args:
          images: uint8 [B, S, S, 3].
          labels: int32 [B].
        Returns:
          The terms of Eq. 2 to 5; E's logits [B, classes] on what it sees at test time; E's features, [B, F] for
          the baseline, else [2B, F] of the real and the generated tuples.
        """
        G, D, E = self.networks
        photo = tf.cast(images, tf.float32) / 127.5 - 1.0  # I_SE
        weights = None if self.class_weights is None else tf.gather(self.class_weights, labels)
        if G is None or D is None:
            predicted = E(photo, training=True)
            terms = losses.softmax_loss(labels, predicted["logits"], weights=weights)
            return terms | self._island(predicted["feature"], labels), predicted["logits"], predicted["feature"]

        average = tf.gather(self.average_faces, labels)  # I_AE
        generated = G(photo, training=True)  # G(I_SE)
        terms = losses.gan_loss(D([photo, average], training=True), D([photo, generated], training=True))
        terms |= losses.l1_loss(average, generated)
        real, owners = self._real_tuples(photo, average, labels)
        fake = classifier_images(self.config, photo, generated)
        # One call over both tuples, so that E's batch statistics are those that its moving averages follow.
        predicted = E(tf.concat([real, fake], axis=0), training=True)
        logits, features = (_per_image(predicted[name], owners) for name in ("logits", "feature"))
        real_logits, fake_logits = tf.split(logits, 2)
        terms |= losses.softmax_loss(labels, real_logits, fake_logits, weights=weights)
        terms |= self._island(features, tf.tile(labels, [2]))
        return terms, fake_logits, features

    def _real_tuples(self, photo: tf.Tensor, average: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The distinct real inputs of E, and which of them is each image's: average faces alone are one a class."""
        if self.config.model.classifier_input == "generated":
            return self.average_faces, labels
        return classifier_images(self.config, photo, average), tf.range(tf.shape(labels)[0])

    def _island(self, features: tf.Tensor, labels: tf.Tensor) -> losses.Terms:
        weights = self.config.loss
        centres = tf.convert_to_tensor(self.centres)
        if weights.centre_update == "rule":
            centres = tf.stop_gradient(centres)
        return losses.island_loss(features, labels, centres, weights.island_alpha, weights.island_reduction)

    def _move_centres(self, features: tf.Tensor, labels: tf.Tensor) -> None:
        weights = self.config.loss
        repeats = tf.shape(features)[0] // tf.shape(labels)[0]
        moved = losses.centre_step(
            features, tf.tile(labels, [repeats]), self.centres, weights.centre_rate, weights.island_alpha
        )
        self.centres.assign(moved)

    def _apply(self, optimizer: keras.Optimizer, gradients: list[Any], variables: list[keras.Variable]) -> None:
        decayed = with_weight_decay(gradients, variables, self.config.optimizer.weight_decay)
        optimizer.apply_gradients(zip(decayed, variables, strict=True))


def with_weight_decay(
    gradients: Sequence[tf.Tensor], variables: Sequence[keras.Variable], weight_decay: float
) -> list[tf.Tensor]:
    """L2 penalty in the gradient: wd·w is added for kernels; batch normalisation and biases are left alone (§4.3)."""
    return [
        gradient + weight_decay * variable if variable.name.endswith("kernel") else gradient
        for gradient, variable in zip(gradients, variables, strict=True)
    ]


def learning_rate(settings: OptimizerConfig, steps_per_epoch: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """Initially 1e-4, reduced by a factor 0.9 every 10 epochs (§4.3)."""
    return keras.optimizers.schedules.ExponentialDecay(
        settings.learning_rate,
        decay_steps=settings.learning_rate_decay_epochs * steps_per_epoch,
        decay_rate=settings.learning_rate_decay,
        staircase=True,
    )


def _adam(settings: OptimizerConfig, steps_per_epoch: int, variables: list[keras.Variable]) -> keras.Optimizer:
    optimizer = Adam(
        learning_rate(settings, steps_per_epoch), beta_1=settings.beta_1, beta_2=settings.beta_2, epsilon=1e-8
    )
    optimizer.build(variables)
    return optimizer


def _per_image(values: tf.Tensor, owners: tf.Tensor) -> tf.Tensor:
    """E's output on [distinct real inputs; generated inputs] → [real of every image; generated of every image]."""
    images = tf.shape(owners)[0]
    distinct = tf.shape(values)[0] - images
    return tf.concat([tf.gather(values[:distinct], owners), values[distinct:]], axis=0)


def _accuracy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.cast(tf.argmax(logits, -1, tf.int32) == labels, tf.float32))
