"""The training step: whom each loss moves, and that both gradients are taken at the same parameters."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from from_config import trainer_of

from ifgan_tf import losses
from ifgan_tf.config import Config, DataConfig, LossConfig, ModelConfig, OptimizerConfig
from ifgan_tf.training.centres import Centres
from ifgan_tf.training.optimizers import learning_rate, with_weight_decay
from ifgan_tf.training.step import Trainer

LABELS = tf.constant([0, 1, 2, 2])
IMAGES = tf.constant(np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype(np.uint8))


def trainer(classifier_input="generated", **sections):
    config = Config(
        data=DataConfig(image_size=32),
        model=ModelConfig(
            classifier_input=classifier_input,
            backbone="SmallCNN",
            classifier_weights="none",
            generator_width=8,
            discriminator_width=8,
        ),
        optimizer=OptimizerConfig(batch_size=4, learning_rate=1e-3),
    )
    config = dataclasses.replace(config, **sections)
    average = tf.random.stateless_uniform((6, 32, 32, 3), (1, 2), -1, 1)
    return trainer_of(config, average)


def weights(model):
    return [np.array(weight) for weight in model.trainable_variables]


def moved(before, model):
    return any(
        np.abs(old - np.array(new)).max() > 0 for old, new in zip(before, model.trainable_variables, strict=True)
    )


@pytest.mark.parametrize("classifier_input", ["pair", "generated"])
@pytest.mark.parametrize("term", ["softmax_generated", "island", "l1", "gan_generator"])
def test_terms_that_must_reach_the_generator(classifier_input, term):
    one = trainer(classifier_input)
    with tf.GradientTape() as tape:
        loss = one.forward(IMAGES, LABELS)[0][term]
    gradients = tape.gradient(loss, [v.value for v in one.networks.generator.trainable_variables])
    assert tf.linalg.global_norm([g for g in gradients if g is not None]).numpy() > 0


def test_softmax_on_real_tuples_does_not_depend_on_the_generator_but_for_batch_statistics():
    one = trainer("generated")
    for layer in one.networks.classifier.get_layer("small_cnn").layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False  # moving averages: nothing is shared between the tuples
    with tf.GradientTape() as tape:
        loss = one.forward(IMAGES, LABELS)[0]["softmax_real"]
    gradients = tape.gradient(loss, [v.value for v in one.networks.generator.trainable_variables])
    norms = [float(tf.norm(gradient)) for gradient in gradients if gradient is not None]
    assert sum(norms) == 0.0


def test_the_discriminators_loss_moves_only_the_discriminator():
    one = trainer(loss=LossConfig(0, 0, 0, 0), optimizer=OptimizerConfig(batch_size=4, weight_decay=0.0))
    before = [weights(model) for model in one.networks]
    one.step(IMAGES, LABELS)
    generator, discriminator, classifier = (moved(old, model) for old, model in zip(before, one.networks, strict=True))
    assert (generator, discriminator, classifier) == (False, True, False)


def test_a_step_moves_all_three_and_returns_every_term():
    one = trainer("pair")
    before = [weights(model) for model in one.networks]
    metrics = one.step(IMAGES, LABELS)
    assert all(moved(old, model) for old, model in zip(before, one.networks, strict=True))
    assert set(metrics) == {
        "gan_real", "gan_fake", "gan_discriminator", "gan_generator", "l1", "softmax", "softmax_real",
        "softmax_generated", "island", "island_centre", "island_pairs", "loss", "accuracy", "gradient_norm",
        "discriminator_gradient_norm",
    }  # fmt: skip
    assert all(np.isfinite(float(value)) for value in metrics.values())


def test_the_baseline_has_no_generator_terms():
    one = trainer("input")
    metrics = one.step(IMAGES, LABELS)
    assert "l1" not in metrics and "gan_real" not in metrics
    assert float(metrics["loss"]) == pytest.approx(10 * float(metrics["softmax"]) + float(metrics["island"]), rel=1e-5)


def test_both_gradients_are_taken_at_the_same_parameters():
    """D's update must see G as it was before its own, and G's must see D as it was."""
    one, other = trainer(), trainer()
    with tf.GradientTape(persistent=True) as tape:
        terms, _, _ = other.forward(IMAGES, LABELS)
        loss = losses.total_loss(terms, other.loss)
    expected_d = tape.gradient(terms["gan_discriminator"], [v.value for v in other.discriminator_variables])
    expected_g = tape.gradient(loss, [v.value for v in other.generator_and_classifier_variables])
    metrics = one.step(IMAGES, LABELS)
    assert float(metrics["discriminator_gradient_norm"]) == pytest.approx(
        float(tf.linalg.global_norm(expected_d)), rel=1e-3
    )
    assert float(metrics["gradient_norm"]) == pytest.approx(float(tf.linalg.global_norm(expected_g)), rel=1e-3)


def test_generator_runs_forward_once_a_step():
    one = trainer()
    calls = []
    call = one.networks.generator.call
    one.networks.generator.call = lambda *args, **kwargs: calls.append(1) or call(*args, **kwargs)
    one.train_step(IMAGES, LABELS)
    assert len(calls) == 1


def test_average_faces_alone_give_the_same_terms_as_one_a_photo():
    """`generated` shows E each average face once; every image still gets its own label's logits and feature."""
    one = trainer("generated")
    for layer in one.networks.classifier.get_layer("small_cnn").layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    terms, _, features = one.forward(IMAGES, LABELS)
    predicted = one.networks.classifier(tf.gather(one.average_faces, LABELS), training=False)
    expected = losses.softmax_loss(LABELS, predicted["logits"])["softmax"]
    assert float(terms["softmax_real"]) == pytest.approx(float(expected), rel=1e-5)
    np.testing.assert_allclose(features.values[:4], predicted["feature"], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("classifier_input", ["pair", "generated"])
def test_without_their_weight_the_real_tuples_are_not_shown(classifier_input):
    one = trainer(classifier_input, loss=LossConfig(lambda_real=0.0))
    shown = []
    call = one.networks.classifier.call
    one.networks.classifier.call = lambda images, **kwargs: shown.append(len(images)) or call(images, **kwargs)
    terms, logits, features = one.forward(IMAGES, LABELS)
    assert shown == [4] and len(logits) == len(features.values) == 4
    expected = losses.softmax_loss(LABELS, logits)["softmax"]
    assert float(terms["softmax"]) == pytest.approx(float(expected)) and "softmax_real" not in terms


def test_real_tuples_count_by_their_weight():
    terms, _, features = trainer("pair", loss=LossConfig(lambda_real=0.25)).forward(IMAGES, LABELS)
    assert float(terms["softmax"]) == pytest.approx(
        0.25 * float(terms["softmax_real"]) + float(terms["softmax_generated"])
    )
    assert features.weights.numpy().tolist() == [0.25] * 4 + [1.0] * 4


def test_centres_follow_the_rule_and_not_the_optimizer():
    one = trainer()
    before = one.centres.variable.numpy().copy()
    one.step(IMAGES, LABELS)
    assert np.abs(one.centres.variable.numpy() - before)[:3].max() > 0
    np.testing.assert_array_equal(
        one.centres.variable.numpy()[3:], before[3:]
    )  # no image of these classes, centres at 0


def test_centres_start_at_the_mean_of_their_images():
    centres = Centres(3, 2, LossConfig(island_alpha=0.0))
    features = centres.features(tf.constant([[1.0, 2.0], [3.0, 4.0], [10.0, 0.0]]), tf.constant([0, 0, 2]))
    terms = centres.island_loss(features)
    assert terms["island_centre"].numpy() == pytest.approx(4 / 3)  # two images at √2 from their mean, one at its own
    centres.move(None, tf.constant(0.1), features)
    np.testing.assert_allclose(centres.variable.numpy(), [[2, 3], [0, 0], [10, 0]])


def test_island_loss_does_not_explode_when_a_class_comes_late():
    one = trainer()
    first = float(one.step(IMAGES, LABELS)["island"])
    later = [float(one.step(IMAGES, labels)["island"]) for labels in (LABELS, tf.constant([3, 4, 5, 0]))]
    assert max(later) < 10 * max(first, 1.0)


def test_centres_by_gradient():
    one = trainer(loss=LossConfig(centre_update="gradient"))
    one.centres.variable.assign(tf.random.stateless_normal(one.centres.variable.shape, (5, 6)))
    before = one.centres.variable.numpy().copy()
    one.step(IMAGES, LABELS)
    assert (
        np.abs(one.centres.variable.numpy() - before).max(axis=1) > 0
    ).all()  # the pairwise term reaches every centre


@pytest.mark.parametrize("scope", ["all", "kernels"])
def test_weight_decay_is_l2_in_the_gradient(scope):
    layer, norm = keras.layers.Dense(2), keras.layers.BatchNormalization()
    layer.build((None, 3))
    norm.build((None, 2))
    variables = layer.trainable_variables + norm.trainable_variables
    norm.gamma.assign([1.0, 2.0])
    layer.bias.assign([3.0, 4.0])
    settings = OptimizerConfig(weight_decay=0.1, weight_decay_scope=scope)
    kernel, *others = with_weight_decay([tf.zeros_like(v) for v in variables], variables, settings)
    np.testing.assert_allclose(kernel, 0.1 * layer.kernel.numpy(), rtol=1e-6)
    for gradient, variable in zip(others, variables[1:], strict=True):
        np.testing.assert_allclose(gradient, (0.1 if scope == "all" else 0.0) * variable.numpy(), rtol=1e-6)


def test_first_adam_step_by_hand():
    """One step of Adam from zero moments moves every weight by lr·g/(|g|+ε'), g with the decay in it."""
    one = trainer("input", optimizer=OptimizerConfig(batch_size=4, learning_rate=1e-3, weight_decay=0.5))
    variable = one.networks.classifier.get_layer("logits").kernel
    before = variable.numpy().copy()
    with tf.GradientTape() as tape:
        loss = losses.total_loss(one.forward(IMAGES, LABELS)[0], one.loss)
    gradient = tape.gradient(loss, variable.value).numpy() + 0.5 * before
    one.step(IMAGES, LABELS)
    moved_by = before - variable.numpy()
    sure = np.abs(gradient) > 1e-3
    np.testing.assert_allclose(moved_by[sure], 1e-3 * np.sign(gradient[sure]), rtol=1e-2)


def test_learning_rate_falls_by_a_tenth_every_ten_epochs():
    schedule = learning_rate(OptimizerConfig(), steps_per_epoch=7)
    assert float(schedule(0)) == float(schedule(69)) == pytest.approx(1e-4)
    assert float(schedule(70)) == pytest.approx(9e-5)
    assert float(schedule(7 * 95)) == pytest.approx(1e-4 * 0.9**9, rel=1e-5)


def test_cosine_rises_for_a_twentieth_and_ends_at_nothing():
    schedule = learning_rate(
        OptimizerConfig(learning_rate=1e-3, learning_rate_schedule="cosine", epochs=4), steps_per_epoch=50
    )
    rates = [float(schedule(step)) for step in range(201)]
    assert rates[0] == 0 and max(rates) == rates[10] == pytest.approx(1e-3)
    assert rates[105] == pytest.approx(0.5e-3) and rates[200] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("classifier_input", ["pair", "input"])
def test_labels_are_smoothed_where_the_run_asks(classifier_input):
    one = trainer(classifier_input, loss=LossConfig(label_smoothing=0.3, lambda_real=0))
    terms, logits, _ = one.forward(IMAGES, LABELS)
    expected = losses.softmax_loss(LABELS, logits, smoothing=0.3)["softmax"]
    assert terms["softmax"].numpy() == pytest.approx(expected.numpy(), rel=1e-6)
    assert terms["softmax"].numpy() != pytest.approx(losses.softmax_loss(LABELS, logits)["softmax"].numpy(), rel=1e-3)


@pytest.mark.parametrize("classifier_input", ["generated", "input"])
def test_several_steps_in_one_call_are_the_steps_one_by_one(classifier_input):
    settings = OptimizerConfig(batch_size=4, learning_rate=1e-3, weight_average=0.5)
    called, whole = (trainer(classifier_input, optimizer=settings) for _ in range(2))
    batches = [(IMAGES, tf.roll(LABELS, shift, 0)) for shift in range(3)]
    steps = [called.step(*batch) for batch in batches]
    metrics = whole.several(*batches)
    assert metrics.keys() == steps[0].keys() and int(whole.optimizer.iterations.numpy()) == 3
    for name, values in metrics.items():
        np.testing.assert_allclose(values, [step[name] for step in steps], rtol=1e-3, atol=1e-5, err_msg=name)
    np.testing.assert_allclose(whole.centres.variable, called.centres.variable, rtol=1e-3, atol=1e-5)


def test_it_learns():
    one = trainer()
    first = float(one.step(IMAGES, LABELS)["loss"])
    for _ in range(30):
        last = float(one.step(IMAGES, LABELS)["loss"])
    assert last < 0.7 * first


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_accumulated_gradients_are_those_of_the_whole_batch_but_for_batch_statistics(reduction):
    def moments(parts):
        settings = OptimizerConfig(batch_size=4, gradient_accumulation=parts)
        one = trainer("pair", optimizer=settings, loss=LossConfig(island_reduction=reduction))
        for model in one.networks:
            for layer in model._flatten_layers():
                if isinstance(layer, keras.layers.BatchNormalization):
                    layer.trainable = False
        one = Trainer(one.networks, one.average_faces, "pair", one.loss, settings, 10)
        one.centres.variable.assign(tf.ones_like(one.centres.variable))  # they have started
        metrics = one.step(IMAGES, LABELS)
        return [np.array(variable) for variable in [*one.optimizer.variables, one.centres.variable]], metrics

    (whole, metrics), (parts, other) = moments(1), moments(2)
    for mine, theirs in zip(whole, parts, strict=True):
        np.testing.assert_allclose(theirs, mine, rtol=1e-4, atol=1e-6 * max(1.0, np.abs(mine).max()))
    for name, value in metrics.items():
        assert float(other[name]) == pytest.approx(float(value), rel=1e-4), name
