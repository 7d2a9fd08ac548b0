"""The convolutional attacker: a network that learns to tell people apart. Seeded, and bounded in steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ifgan_tf.privacy.attackers import EMBEDDING

if TYPE_CHECKING:
    import keras

BATCH = 32
SCALE = 10.0  # of logits made from embeddings of unit length
BACKGROUND_STEPS = 250
TARGETS_STEPS = 40
TARGETS_EPOCHS = 8  # at least so often is every picture of a large gallery seen


class Convolutional:
    """A network that learns to tell the background apart, and then, from there, the targets."""

    def __init__(self, side: int, background: int, targets: int, expressions: int, seed: int) -> None:
        """Args:
        side: of the pictures.
        background, targets: number of people.
        expressions: number of classes.
        seed: of initial weights.
        """
        import keras

        from ifgan_tf.models.construction import drawn_from

        with drawn_from(seed):  # in float32, whatever the networks under attack compute in
            trained = _build_network(side, background, expressions)
            self._background = Refit(trained, cross_entropy)
            self._targets = Refit(_build_network(side, targets), cross_entropy)
        outputs = {"embedding": trained.get_layer("unit").output, "expression": trained.output["expression"]}
        self._embedding = keras.Model(trained.input, outputs)

    def learn_background(self, view: np.ndarray, subjects: np.ndarray, labels: np.ndarray, seed: int) -> None:
        """Trains on pictures of the background.

        Args:
          view: float32 [N, side, side, 6], see `network_view`.
          subjects: int [N], from 0.
          labels: int [N], expressions.
          seed: of the order of the pictures.
        """
        self._background.fit(view, {"identity": subjects, "expression": labels}, BACKGROUND_STEPS, seed)

    def embed(self, view: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Embeddings of unit length, float32 [N, 64], and expressions, int [N], as learnt from the background."""
        outputs = self._embedding.predict(view, batch_size=256, verbose=0)
        return outputs["embedding"], outputs["expression"].argmax(axis=1)

    def identify(self, gallery: np.ndarray, who: np.ndarray, probe: np.ndarray, seed: int) -> np.ndarray:
        """Learns the targets from the gallery and names them in the probes.

        Args:
          gallery: float32 [N, side, side, 6], with `who`, int [N] from 0, in them.
          probe: float32 [M, side, side, 6].
          seed: of the order of the pictures.
        Returns:
          int [M].
        """
        steps = max(TARGETS_STEPS, TARGETS_EPOCHS * len(gallery) // BATCH)
        model = self._targets.fit(gallery, {"identity": who}, steps, seed, like=self._background.model)
        return model.predict(probe, batch_size=256, verbose=0)["identity"].argmax(axis=1)


class Refit:
    """A model that is trained afresh many times, each time in one call of one traced function."""

    def __init__(self, model: keras.Model, loss: Callable[[Any, Any], Any]) -> None:
        """Args:
        model: of outputs by name.
        loss: takes the truth and the output of one name, [B, …], and returns a scalar; names are added up.
        """
        import keras
        import tensorflow as tf

        self.model, self._loss = model, loss
        self._optimizer = keras.optimizers.Adam(1e-3)
        self._optimizer.build(model.trainable_variables)
        self._weights = model.get_weights()
        self._optimizer_state = [variable.numpy() for variable in self._optimizer.variables]
        self._train = tf.function(self._steps, reduce_retracing=True)

    def fit(
        self, x: np.ndarray, y: dict[str, np.ndarray], steps: int, seed: int, like: keras.Model | None = None
    ) -> keras.Model:
        """Trains from the initial weights, or from those of `like` where layers have equal shapes."""
        import tensorflow as tf

        self.model.set_weights(self._weights)
        if like is not None:
            _copy_where_equal(like, self.model)
        for variable, value in zip(self._optimizer.variables, self._optimizer_state, strict=True):
            variable.assign(value)
        random, size = np.random.default_rng(seed), min(BATCH, len(x))
        rounds = -(-steps * size // len(x))
        order = np.concatenate([random.permutation(len(x)) for _ in range(rounds)])[: steps * size]
        self._train(tf.constant(x), {k: tf.constant(v) for k, v in y.items()}, tf.constant(order.reshape(steps, size)))
        return self.model

    def _steps(self, x: Any, y: dict[str, Any], order: Any) -> None:
        import tensorflow as tf

        for step in tf.range(tf.shape(order)[0]):
            batch = order[step]
            with tf.GradientTape() as tape:
                outputs = self.model(tf.gather(x, batch), training=True)
                loss = tf.add_n([self._loss(tf.gather(truth, batch), outputs[name]) for name, truth in y.items()])
            gradients = tape.gradient(loss, self.model.trainable_variables)
            self._optimizer.apply(gradients, self.model.trainable_variables)


def cross_entropy(truth: Any, logits: Any) -> Any:
    """Mean over the batch: truth int [B], logits float [B, C]."""
    import tensorflow as tf

    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=truth, logits=logits))


def _copy_where_equal(source: keras.Model, target: keras.Model) -> None:
    for layer in target.layers:
        theirs = source.get_layer(layer.name).get_weights()
        if [weight.shape for weight in layer.get_weights()] == [weight.shape for weight in theirs]:
            layer.set_weights(theirs)


def convolutions(picture: keras.KerasTensor) -> keras.KerasTensor:
    """What all small networks begin with: float [B, side, side, 6] → [B, F]."""
    from keras import layers

    x = picture
    for level, width in enumerate((16, 32, 64, 96), start=1):
        x = layers.Conv2D(width, 3, 2, padding="same", use_bias=False, name=f"conv{level}")(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"norm{level}")(x)
        x = layers.ReLU(name=f"relu{level}")(x)
    return layers.Flatten(name="flat")(x)


def _build_network(side: int, people: int, expressions: int | None = None) -> keras.Model:
    """Float [B, side, side, 6] → logits `identity` [B, people], and `expression` [B, expressions] if there are any."""
    from keras import Input, Model, layers

    picture = Input((side, side, 6), name="picture")
    x = convolutions(picture)
    embedding = layers.UnitNormalization(name="unit")(layers.Dense(EMBEDDING, name="embedding")(x))
    # Embeddings of unit length: the angle between them is what training spreads and verification reads.
    cosines = layers.Dense(people, use_bias=False, name="people")(embedding)
    outputs = {"identity": layers.Rescaling(SCALE, name="identity")(cosines)}
    if expressions is not None:
        hidden = layers.Dense(EMBEDDING, activation="relu", name="expression_hidden")(x)
        outputs["expression"] = layers.Dense(expressions, name="expression")(hidden)
    return Model(picture, outputs, name="attacker")
