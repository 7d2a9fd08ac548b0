"""Images of a built data set, unpacked only where they are what builders write: few bytes can promise gigabytes."""

from __future__ import annotations

from typing import Any

MAX_SIDE = 2048  # builders write 256
_BEGINS = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"  # then width and height, four bytes each, highest first


def bounded() -> dict[str, Any]:
    """TFDS' `decoders` for the examples of a built data set.

    An image that is no PNG, or wider or higher than `MAX_SIDE`, ends the reading with `tf.errors.InvalidArgumentError`.
    """
    import tensorflow as tf
    from tensorflow_datasets.core import decode

    @decode.make_decoder()
    def image(data: tf.Tensor, feature: Any) -> tf.Tensor:
        head = tf.io.decode_raw(data, tf.uint8, fixed_length=len(_BEGINS) + 8)
        digits = tf.cast(tf.reshape(head[len(_BEGINS) :], (2, 4)), tf.int64)  # of width and height
        sides = tf.linalg.matvec(digits, tf.constant([2**24, 2**16, 2**8, 1], tf.int64))
        fits = tf.reduce_all((sides > 0) & (sides <= MAX_SIDE))
        is_png = tf.strings.substr(data, 0, len(_BEGINS)) == _BEGINS
        told = f"an image that is no PNG of at most {MAX_SIDE} x {MAX_SIDE} pixels"
        with tf.control_dependencies([tf.debugging.Assert(is_png & fits, [told])]):
            return feature.decode_example(tf.identity(data))

    return {"image": image()}
