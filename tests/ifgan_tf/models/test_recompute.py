"""Recomputing changes no result: the same answers, gradients and moving statistics, and dropout that repeats itself."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from tensorflow.python.eager import context

from ifgan_tf.models.normalization import BatchNormalization
from ifgan_tf.models.recompute import PARTS, borders, recomputed

X = tf.random.stateless_normal((4, 8, 8, 3), (1, 2))


def residual_network(blocks=6):
    """Blocks with a short cut, so that it cannot be cut anywhere, and dropout with a state of its own."""
    keras.utils.set_random_seed(1)
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(8, 3, padding="same", name="first")(image)
    for block in range(blocks):
        y = BatchNormalization(momentum=0.8, name=f"norm{block}")(layers.Conv2D(8, 3, padding="same")(x))
        y = layers.Dropout(0.3, seed=block)(layers.ReLU()(y))
        x = layers.Add()([x, y])
    return keras.Model(image, x)


def a_step(run, network):
    """Answer and gradients of a step in a graph, and what it leaves in the variables that are not trained."""

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = run(x)
            loss = tf.reduce_sum(y**2)
        return y, tape.gradient(loss, [x, *(variable.value for variable in network.trainable_variables)])

    first, second = step(X), step(X)
    assert np.abs(first[0] - second[0]).max() > 0.1  # dropout drew anew, from where the first step had left it
    return [*tf.nest.flatten([first, second]), *(variable.numpy() for variable in network.non_trainable_variables)]


def test_results_gradients_and_moving_statistics_are_the_same():
    one, other = residual_network(), residual_network()
    expected = a_step(lambda x: one(x, training=True), one)
    found = a_step(recomputed(other), other)
    for kept, again in zip(expected, found, strict=True):
        np.testing.assert_allclose(again, kept, rtol=1e-4, atol=1e-4)


def test_all_but_the_last_part_are_computed_once_more():
    network = residual_network(blocks=6)
    run = recomputed(network)
    *_, border, end = borders(network)
    last = sum(isinstance(one, layers.Conv2D) for one in keras.Model(border, end).layers)

    @tf.function
    def gradient(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(run(x) ** 2)
        return tape.gradient(loss, [variable.value for variable in network.trainable_variables])

    context.enable_graph_collection()
    try:
        gradient(X)
        graph = context.export_run_metadata().function_graphs[-1].post_optimization_graph
    finally:
        context.disable_graph_collection()
    assert sum(node.op in ("Conv2D", "_FusedConv2D") for node in graph.node) == 2 * (1 + 6) - last


def test_a_network_of_blocks_is_cut_between_them():
    network = residual_network(blocks=3 * PARTS)
    found = borders(network)
    sums = [layer.output for layer in network.layers if isinstance(layer, layers.Add)]
    assert PARTS // 2 < len(found) <= PARTS and found[-1] is network.output
    assert all(any(border is one for one in sums) for border in found)


def test_operations_that_are_no_layers_keep_their_constants():
    image = keras.Input((4, 4, 3))
    x = image
    for _ in range(4):
        x = layers.Conv2D(3, 1)(x) * 0.5 + 1.0
    network = keras.Model(image, x)
    y = tf.ones((2, 4, 4, 3))
    np.testing.assert_allclose(recomputed(network)(y), network(y, training=True), rtol=1e-5)
