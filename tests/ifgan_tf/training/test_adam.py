"""Our Adam beside Keras': the same weights and moments, in one operation a weight."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from ifgan_tf.training.adam import Adam

SHAPES = [(3, 4), (5,), ()]
STEPS = 20


def after_steps(kind):
    generator = np.random.default_rng(0)
    weights = [keras.Variable(generator.normal(size=shape), dtype="float32") for shape in SHAPES]
    schedule = keras.optimizers.schedules.ExponentialDecay(1e-2, decay_steps=5, decay_rate=0.5, staircase=True)
    adam = kind(schedule, beta_1=0.9, beta_2=0.99, epsilon=1e-8)
    adam.build(weights)

    @tf.function
    def step(gradients):
        adam.apply(gradients, weights)

    for _ in range(STEPS):
        step([tf.constant(generator.normal(size=shape), tf.float32) for shape in SHAPES])
    return weights, adam, step


def test_weights_and_moments_are_keras():
    (ours, our_adam, _), (keras_own, keras_adam, _) = (after_steps(kind) for kind in (Adam, keras.optimizers.Adam))
    for one, other in zip([*ours, *our_adam.variables], [*keras_own, *keras_adam.variables], strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=1e-7)
    assert int(our_adam.iterations) == STEPS


def test_a_weight_is_updated_by_one_operation():
    _, _, step = after_steps(Adam)
    operations = [
        op.type for op in step.get_concrete_function([tf.zeros(shape) for shape in SHAPES]).graph.get_operations()
    ]
    assert operations.count("ResourceApplyAdam") == len(SHAPES)
    assert not {"Sqrt", "AssignSubVariableOp"} & set(operations)
