import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.eager import context

from ifgan_tf.models.leaky_relu import LeakyReLU

X = tf.constant([-3.0, -1e-30, -0.0, 0.0, 1e-30, 0.5, 7.0])


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("kind", ["float32", "bfloat16"])
def test_value_and_gradient_are_keras_to_the_bit(training, kind):
    x = tf.cast(X, kind)
    told = []
    for layer in (LeakyReLU(0.2, dtype=kind), keras.layers.LeakyReLU(0.2, dtype=kind)):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=training)
            loss = tf.reduce_sum(y * tf.constant([1, 2, 3, 4, 5, 6, 7], kind))
        told.append([y, tape.gradient(loss, x)])
    for one, other in zip(*told, strict=True):
        np.testing.assert_array_equal(one, other)


def test_it_becomes_one_operation_with_the_convolution_before_it():
    convolution, activation = keras.layers.Conv2D(4, 3), LeakyReLU(0.2)
    convolution.build((2, 8, 8, 3))

    @tf.function
    def gradient(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(activation(convolution(x), training=True) ** 2)
        return tape.gradient(loss, [convolution.kernel.value, convolution.bias.value])

    context.enable_graph_collection()
    try:
        gradient(tf.ones((2, 8, 8, 3)))
        graph = context.export_run_metadata().function_graphs[-1].post_optimization_graph
    finally:
        context.disable_graph_collection()
    fused = [list(node.attr["fused_ops"].list.s) for node in graph.node if node.op == "_FusedConv2D"]
    assert fused == [[b"BiasAdd", b"LeakyRelu"]]


def test_it_comes_back_from_its_configuration():
    layer = LeakyReLU(0.3, name="relu")
    twin = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(twin) is LeakyReLU and (twin.negative_slope, twin.name) == (layer.negative_slope, "relu")
