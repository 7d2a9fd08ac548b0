"""Self-attention over all positions of a feature map (paper §3.1, Fig. 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf
from keras import ops

# Coefficients of one image that are held at once: 8 MB in float32, which a processor's cache still has when the
# softmax and the second product come for them. Up to 38x38 positions all fit and nothing is cut.
BLOCK_COEFFICIENTS = 2**21


@keras.saving.register_keras_serializable(package="ifgan_tf")
class SelfAttention(keras.layers.Layer):
    """`x + γ · attention(x)`, with γ learnt from 0, so that a new module is the identity (Fig. 4).

    1x1 convolutions give queries and keys of C2 = C/8 channels (Fig. 4's green and red boxes) and values of C1 = C
    channels (a magenta one); softmax over each row normalises the coefficients; a last 1x1 convolution of C channels
    (the other magenta box) follows.

    Call:
      x: float [B, H, W, C], C at least 8.
    Returns:
      float [B, H, W, C].
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        channels = input_shape[-1]
        if channels is None or channels < 8:
            raise ValueError(f"self-attention needs at least 8 channels, got {channels}")
        self.query = keras.layers.Conv2D(channels // 8, 1, dtype=self.dtype_policy, name="query")
        self.key = keras.layers.Conv2D(channels // 8, 1, dtype=self.dtype_policy, name="key")
        self.value = keras.layers.Conv2D(channels, 1, dtype=self.dtype_policy, name="value")
        self.output_projection = keras.layers.Conv2D(channels, 1, dtype=self.dtype_policy, name="output")
        for layer in (self.query, self.key, self.value, self.output_projection):
            layer.build(input_shape)
        self.gamma = self.add_weight(name="gamma", shape=(), initializer="zeros")

    def attention_map(self, x: Any) -> Any:
        """The attention coefficients.

        Args:
          x: float [B, H, W, C].
        Returns:
          float [B, N, N], N = H·W: row i says how much position i reads from every position; rows sum to 1.
        """
        return coefficients(_positions(self.query(x)), _positions(self.key(x)))

    def call(self, x: Any) -> Any:
        attended = attend(*(_positions(layer(x)) for layer in (self.query, self.key, self.value)))  # [B, N, C]
        attended = ops.reshape(attended, (-1, *x.shape[1:]))
        return x + self.gamma * self.output_projection(attended)


def coefficients(queries: tf.Tensor, keys: tf.Tensor) -> tf.Tensor:
    """Softmax over each row of queries · keysᵀ: float [B, M, D], [B, N, D] → [B, M, N]."""
    return tf.nn.softmax(tf.matmul(queries, keys, transpose_b=True))


def attend(
    queries: tf.Tensor, keys: tf.Tensor, values: tf.Tensor, block_coefficients: int = BLOCK_COEFFICIENTS
) -> tf.Tensor:
    """Every position's mean of the values, weighted by its coefficients.

    Where an image has more than `block_coefficients` coefficients, they are made block by block of rows, used and
    forgotten, and made again for the gradient: memory grows with N and not with N². The result is the same.

    Args:
      queries, keys: float [B, N, D], N known.
      values: float [B, N, V].
      block_coefficients: of one image that are held at once.
    Returns:
      float [B, N, V].
    """
    positions = queries.shape[1]
    if positions**2 <= block_coefficients:
        return tf.matmul(coefficients(queries, keys), values)
    return _attend_in_blocks(queries, keys, values, -(-(positions**2) // block_coefficients))


def _attend_in_blocks(queries: tf.Tensor, keys: tf.Tensor, values: tf.Tensor, blocks: int) -> tf.Tensor:
    @tf.custom_gradient
    def attend_in_blocks(
        queries: tf.Tensor, keys: tf.Tensor, values: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor, tf.Tensor]]]:
        parts: list[tf.Tensor] = []
        finished: list[tf.Tensor] = []
        for (rows,) in _rows(blocks, finished, queries):
            parts.append(tf.matmul(coefficients(rows, keys), values))
            finished[:] = parts[-1:]
        attended = tf.concat(parts, axis=1)

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            # With A the coefficients of some rows and dA = dO·Vᵀ: the softmax's gradient is A∘(dA - rowsum(A∘dA)), and
            # rowsum(A∘dA) = rowsum(O∘dO), which needs nothing of size N².
            overlap = tf.reduce_sum(attended * upstream, axis=-1, keepdims=True)  # [B, N, 1]
            to_queries: list[tf.Tensor] = []
            finished: list[tf.Tensor] = []
            to_keys, to_values = tf.zeros_like(keys), tf.zeros_like(values)
            for rows, row_upstream, row_overlap in _rows(blocks, finished, queries, upstream, overlap):
                shares = coefficients(rows, keys)  # [B, M, N]
                to_values += tf.matmul(shares, row_upstream, transpose_a=True)
                to_scores = shares * (tf.matmul(row_upstream, values, transpose_b=True) - row_overlap)
                to_keys += tf.matmul(to_scores, rows, transpose_a=True)
                to_queries.append(tf.matmul(to_scores, keys))
                finished[:] = [to_queries[-1], to_keys, to_values]
            return tf.concat(to_queries, axis=1), to_keys, to_values

        return attended, gradient

    return attend_in_blocks(queries, keys, values)


def _rows(blocks: int, finished: list[tf.Tensor], *tensors: tf.Tensor) -> Iterator[list[tf.Tensor]]:
    """Cuts tensors [B, N, ·] along N, block by block.

    A block waits for what the one before left in `finished`: otherwise a graph would start all at once, and hold all.
    """
    positions = tensors[0].shape[1]
    size = -(-positions // blocks)
    for start in range(0, positions, size):
        with tf.control_dependencies(finished):
            yield [tensor[:, start : start + size] for tensor in tensors]


def _positions(x: Any) -> Any:
    """[B, H, W, C] → [B, H·W, C]."""
    return ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))
