import keras
import numpy as np
import pytest
import tensorflow as tf

from ifgan_tf.models.attention import SelfAttention, attend


@pytest.fixture
def features():
    return tf.random.stateless_normal((2, 4, 6, 16), (1, 2))


def test_new_module_is_the_identity(features):
    np.testing.assert_array_equal(SelfAttention()(features), features)


def test_gamma_scales_the_attended_features(features):
    layer = SelfAttention()
    layer(features)
    layer.gamma.assign(0.5)
    half = (layer(features) - features).numpy()
    layer.gamma.assign(1.0)
    np.testing.assert_allclose((layer(features) - features).numpy(), 2 * half, rtol=1e-4, atol=1e-6)
    assert np.abs(half).max() > 1e-3


def test_against_numpy(features):
    layer = SelfAttention()
    layer(features)
    layer.gamma.assign(1.0)
    flat = features.numpy().reshape(2, 24, 16)

    def project(convolution):
        return flat @ convolution.kernel.numpy()[0, 0] + convolution.bias.numpy()

    scores = project(layer.query) @ project(layer.key).transpose(0, 2, 1)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    attended = weights @ project(layer.value)
    expected = flat + attended @ layer.output_projection.kernel.numpy()[0, 0] + layer.output_projection.bias.numpy()
    np.testing.assert_allclose(layer(features).numpy().reshape(2, 24, 16), expected, rtol=1e-4, atol=1e-5)


def test_every_row_of_the_map_sums_to_one(features):
    layer = SelfAttention()
    layer(features)
    rows = layer.attention_map(features).numpy()
    assert rows.shape == (2, 24, 24)
    np.testing.assert_allclose(rows.sum(-1), 1.0, rtol=1e-5)


def test_widths_are_those_of_figure_4(features):
    layer = SelfAttention()
    layer(features)
    assert (layer.query.filters, layer.key.filters, layer.value.filters, layer.output_projection.filters) == (
        2,
        2,
        16,
        16,
    )


def test_too_few_channels_are_refused():
    with pytest.raises(ValueError, match="at least 8 channels"):
        SelfAttention()(tf.zeros((1, 4, 4, 4)))


def plain_and_blocks(dtype="float32", positions=40):
    """Value and gradients of `attend`, whole and in blocks of a few rows."""
    shapes = ((2, positions, 4), (2, positions, 4), (2, positions, 8))
    inputs = [tf.cast(tf.random.stateless_normal(shape, (3, n)), dtype) for n, shape in enumerate(shapes)]
    upstream = tf.cast(tf.random.stateless_normal(shapes[2], (3, 9)), dtype)

    def value_and_gradients(block_coefficients):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            attended = attend(*inputs, block_coefficients)
        return [attended, *tape.gradient(attended, inputs, upstream)]

    return value_and_gradients(positions**2), value_and_gradients(positions * 7)  # 7 does not divide 40


@pytest.mark.parametrize("compiled", [False, True])
def test_blocks_give_the_same_value_and_gradients(compiled):
    plain, blocks = tf.function(plain_and_blocks)() if compiled else plain_and_blocks()
    for one, other in zip(plain, blocks, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, atol=1e-5)
        assert np.abs(one).max() > 0.1


def test_blocks_in_bfloat16():
    for one, other in zip(*plain_and_blocks("bfloat16"), strict=True):
        assert other.dtype == tf.bfloat16
        np.testing.assert_allclose(tf.cast(one, tf.float32), tf.cast(other, tf.float32), atol=0.1, rtol=0.1)


def coefficients_held(positions):
    """The largest tensor of a graph that computes attention over `positions` and its gradients."""

    @tf.function
    def gradients(queries, keys, values):
        with tf.GradientTape() as tape:
            tape.watch((queries, keys, values))
            loss = tf.reduce_sum(attend(queries, keys, values) ** 2)
        return tape.gradient(loss, (queries, keys, values))

    specs = [tf.TensorSpec((1, positions, channels)) for channels in (16, 16, 64)]
    operations = gradients.get_concrete_function(*specs).graph.get_operations()
    return max(output.shape.num_elements() or 0 for operation in operations for output in operation.outputs)


def test_size_decides():
    assert coefficients_held(32 * 32) == 2**20  # whole
    assert coefficients_held(56 * 56) <= 1.01 * 2**21  # at most a row more
    assert coefficients_held(80 * 80) <= 1.01 * 2**21


@pytest.fixture
def in_blocks(monkeypatch):
    """Layers cut already at a few positions."""
    monkeypatch.setattr(attend, "__defaults__", (100,))


def model_of(dtype="float32"):
    image = keras.Input((4, 6, 16))
    layer = SelfAttention(dtype=dtype)
    model = keras.Model(image, layer(image))
    layer.gamma.assign(0.7)
    return model


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_a_model_in_blocks_trains_like_a_plain_one(features, dtype, monkeypatch):
    model = model_of(dtype)

    @tf.function
    def value_and_gradients(x):
        with tf.GradientTape() as tape:
            y = model(x, training=True)
            loss = tf.reduce_mean(tf.square(tf.cast(y, tf.float32)))
        return [y, *tape.gradient(loss, [variable.value for variable in model.trainable_variables])]

    plain = value_and_gradients(features)
    monkeypatch.setattr(attend, "__defaults__", (100,))
    blocks = tf.function(value_and_gradients.python_function)(features)
    tolerance = 1e-5 if dtype == "float32" else 0.05
    for one, other in zip(plain, blocks, strict=True):
        np.testing.assert_allclose(tf.cast(one, tf.float32), tf.cast(other, tf.float32), atol=tolerance)


def test_saved_and_loaded_in_blocks(features, in_blocks, tmp_path):
    model = model_of()
    expected = model(features).numpy()
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "model.keras")(features), expected)
    model.export(tmp_path / "saved", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "saved")
    np.testing.assert_allclose(loaded.serve(features), expected, atol=1e-5)


@pytest.mark.parametrize("number_format", ["float32", "float16"])
def test_tflite_in_blocks(features, in_blocks, number_format):
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    model = model_of()
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if number_format == "float16":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    runner = interpreter.Interpreter(model_content=converter.convert())
    details = runner.get_tensor_details()
    assert max(np.prod(detail["shape"]) for detail in details) < 24 * 24
    runner = runner.get_signature_runner()
    (name,) = runner.get_input_details()
    (output,) = runner(**{name: features[:1].numpy()}).values()
    tolerance = 1e-5 if number_format == "float32" else 1e-2
    np.testing.assert_allclose(output, model(features[:1]), atol=tolerance)
