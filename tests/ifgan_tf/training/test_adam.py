import keras
import numpy as np
import tensorflow as tf

from ifgan_tf.training.adam import Adam


def run(kind):
    """Three steps over a schedule that falls; returns weights and the optimizer's state."""
    variables = [keras.Variable(np.linspace(-1, 1, n).astype("float32")) for n in (3, 5)]
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5, staircase=True)
    optimizer = kind(schedule, beta_1=0.9, beta_2=0.99, epsilon=1e-8)
    optimizer.build(variables)

    @tf.function
    def step():
        optimizer.apply_gradients([(tf.sin(7.0 * variable.value), variable) for variable in variables])

    for _ in range(3):
        step()
    return variables, optimizer.variables


def test_updates_and_state_are_keras():
    (weights, state), (other_weights, other_state) = run(Adam), run(keras.optimizers.Adam)
    for one, other in zip(weights + state, other_weights + other_state, strict=True):
        assert one.name == other.name or not one.name.startswith("adam")
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
    assert int(state[0]) == 3
