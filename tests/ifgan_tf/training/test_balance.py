"""The balance of loss terms: its figures agree with what the training step does, and measuring changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from tiny import changed, tiny_config

from ifgan_tf.config import Config, LossConfig
from ifgan_tf.models.discriminator import build_discriminator
from ifgan_tf.models.generator import build_generator
from ifgan_tf.models.networks import Networks
from ifgan_tf.models.normalization import BatchNormalization
from ifgan_tf.training.balance import BalanceMeter
from ifgan_tf.training.step import Trainer

LABELS = tf.constant([0, 1, 2, 2])
IMAGES = tf.constant(np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype(np.uint8))
CHANNELS = {"pair": 6, "generated": 3, "input": 3}


def trainer_of(classifier_input: str = "pair", **loss: object) -> Trainer:
    """G and D as they are; an E of one convolution, with all that a forward pass in training may write to."""
    keras.utils.set_random_seed(0)
    config: Config = changed(
        tiny_config(classifier_input=classifier_input, attention=False, weight_average=0.9), **loss
    )
    image = keras.Input((32, 32, CHANNELS[classifier_input]))
    x = BatchNormalization(momentum=0.9)(layers.Conv2D(8, 3, 4)(image))
    feature = layers.GlobalAveragePooling2D(name="feature")(layers.Dropout(0.5, seed=3)(layers.ReLU()(x)))
    classifier = keras.Model(image, {"logits": layers.Dense(6)(feature), "feature": feature}, name="classifier")
    has_generator = classifier_input != "input"
    networks = Networks(
        build_generator(config.model, 32, 6) if has_generator else None,
        build_discriminator(config.model, 32) if has_generator else None,
        classifier,
    )
    average = tf.random.stateless_uniform((6, 32, 32, 3), (1, 2), -1, 1)
    return Trainer(networks, average, classifier_input, config.loss, config.optimizer, steps_per_epoch=10)


@pytest.fixture
def untraced() -> Iterator[None]:
    """Nothing is traced: a few calls are quicker so."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def state_of(trainer: Trainer) -> list[np.ndarray]:
    """Everything that training changes: weights, moving statistics, dropout's states, both Adams, averages, centres."""
    holders = [*trainer.networks, *trainer.finished_networks, trainer.optimizer, trainer.discriminator_optimizer]
    variables = [variable for holder in holders if holder is not None for variable in holder.variables]
    return [np.array(variable) for variable in [*variables, trainer.centres.variable]]


def test_training_with_it_is_bit_equal_to_training_without():
    measured, plain = trainer_of(), trainer_of()
    dropout_states = [v for v in measured.networks.classifier.variables if "seed_generator" in v.path]
    assert dropout_states  # or the test would not see one that moved
    meter = BalanceMeter(measured)
    for _ in range(2):
        before = state_of(measured)
        meter.measure(IMAGES, LABELS)
        for old, new in zip(before, state_of(measured), strict=True):
            np.testing.assert_array_equal(old, new)
        one, other = measured.step(IMAGES, LABELS), plain.step(IMAGES, LABELS)
        assert {name: float(value) for name, value in one.items()} == {n: float(value) for n, value in other.items()}
    for one, other in zip(state_of(measured), state_of(plain), strict=True):
        np.testing.assert_array_equal(one, other)


def test_it_sees_the_batch_as_the_step_does(untraced):
    """The same dropout, the same batch statistics: λ·losses add up to the step's loss."""
    trainer = trainer_of()
    trainer.step(IMAGES, LABELS)
    told = BalanceMeter(trainer).measure(IMAGES, LABELS)
    loss = float(trainer.step(IMAGES, LABELS)["loss"])
    balance = told["balance"]
    assert sum(balance[name] for name in ("gan_generator", "l1", "softmax", "island")) == pytest.approx(loss, rel=1e-5)
    assert balance["softmax_real"] + balance["softmax_generated"] == pytest.approx(balance["softmax"], rel=1e-5)


@pytest.mark.parametrize(
    ("flag", "term", "reaches"),
    [
        ("lambda_gan", "gan_generator", {"generator"}),
        ("lambda_l1", "l1", {"generator"}),
        ("lambda_softmax", "softmax", {"generator", "classifier"}),
        ("lambda_island", "island", {"generator", "classifier"}),
    ],
)
def test_a_term_that_is_alone_has_the_gradient_of_the_step(untraced, flag, term, reaches):
    trainer = trainer_of(
        **{**dict.fromkeys(("lambda_gan", "lambda_l1", "lambda_softmax", "lambda_island"), 0.0), flag: 3.0}
    )
    told = BalanceMeter(trainer).measure(IMAGES, LABELS)
    gradient = {network: told[f"gradient_{network}"] for network in ("generator", "classifier")}
    assert {network for network, norms in gradient.items() if term in norms} == reaches
    norm = np.hypot.reduce([gradient[network][term] for network in sorted(reaches)])
    assert norm > 0 and norm == pytest.approx(float(trainer.step(IMAGES, LABELS)["gradient_norm"]), rel=1e-4)
    others = [norm for norms in gradient.values() for name, norm in norms.items() if not name.startswith(term)]
    assert others and not any(others)  # their λ is 0


def test_which_curves_there_are(untraced):
    paired, alone = (BalanceMeter(trainer_of(seen)).measure(IMAGES, LABELS) for seen in ("pair", "input"))
    parts = {"softmax_real", "softmax_generated", "island_centre"}
    assert set(paired["balance"]) == {"gan_generator", "l1", "softmax", "island"} | parts
    assert set(alone["balance"]) == {"softmax", "island", "island_centre"}
    assert set(alone) == {"balance", "gradient_classifier"}
    assert set(paired["gradient_classifier"]) == {"softmax", "island"} | parts


def test_a_term_that_the_loss_gains_later_is_measured_too(untraced, monkeypatch):
    """λ comes from the total loss itself."""
    from ifgan_tf import losses

    trainer, total = trainer_of("input"), losses.total_loss
    weights = LossConfig(lambda_softmax=2.0)
    monkeypatch.setattr(losses, "total_loss", lambda terms, _: total(terms, weights) + 7.0 * terms["decay"])
    forward = trainer.forward

    def with_decay(images, labels):
        terms, logits, features = forward(images, labels)
        return {**terms, "decay": tf.reduce_sum(tf.square(logits))}, logits, features

    monkeypatch.setattr(trainer, "forward", with_decay)
    told = BalanceMeter(trainer).measure(IMAGES, LABELS)
    assert told["balance"]["decay"] > 0 and told["gradient_classifier"]["decay"] > 0
    logits = trainer.forward(IMAGES, LABELS)[1]
    assert told["balance"]["decay"] == pytest.approx(7 * float(tf.reduce_sum(tf.square(logits))), rel=1e-5)
