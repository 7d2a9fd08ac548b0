"""Encoded pictures as a graph: what a server reads of a request. One rule with `ifgan_tf.data.images`, but for EXIF."""

from __future__ import annotations

import tensorflow as tf

from ifgan_tf.data.images import MAX_PIXELS
from ifgan_tf.faces.geometry import working_size

_HEADER_BYTES = 32
_PNG = b"\x89PNG"
_GIF_HEAD, _GIF_FRAME = 13, 10  # bytes before the first palette, and from a frame's mark to its own palette


def decode_views(image_bytes: tf.Tensor, image_size: int) -> tuple[tf.Tensor, tf.Tensor]:
    """What the networks see of encoded pictures; one that cannot be read leaves the others alone.

    Args:
      image_bytes: string [N], JPEG, PNG, GIF (its first frame), BMP, or WebP where the server's TensorFlow knows it.
      image_size: S, of the model.
    Returns:
      uint8 [N, S, S, 3], black where unread; bool [N], whether each was read.
    """
    rows = tf.size(image_bytes, tf.int64)
    numbered = tf.data.Dataset.from_tensor_slices((tf.range(rows), image_bytes))
    views = numbered.map(
        lambda row, data: (row, model_view(decode_picture(data), image_size)), tf.data.AUTOTUNE
    ).ignore_errors()
    # A row more than were asked for, so that there is always one to take, even of none.
    last = tf.data.Dataset.from_tensors((rows, tf.zeros((image_size, image_size, 3), tf.uint8)))
    found, pixels = views.concatenate(last).batch(rows + 1).get_single_element()
    images = tf.scatter_nd(found[:, None], pixels, tf.stack([rows + 1, image_size, image_size, 3]))
    read = tf.scatter_nd(found[:, None], tf.ones_like(found, tf.bool), [rows + 1])
    return images[:-1], read[:-1]


def decode_picture(data: tf.Tensor) -> tf.Tensor:
    """One encoded picture as uint8 [H, W, 3], RGB, transparent parts on black, 16 bits scaled to 8.

    Raises:
      tf.errors.InvalidArgumentError: when it cannot be read, or has more than `MAX_PIXELS`.
    """
    header = tf.cast(tf.io.decode_raw(data, tf.uint8, fixed_length=_HEADER_BYTES), tf.int64)
    with tf.control_dependencies([_assert_not_huge(_pixels_in_header(data, header))]):
        data = tf.identity(data)
    may_be_transparent = _starts(data, _PNG) | _starts(data, b"RIFF")
    image = tf.cond(
        may_be_transparent,
        lambda: _on_black(tf.io.decode_image(data, 4, expand_animations=False), _starts(data, _PNG), header[24]),
        lambda: tf.io.decode_image(data, 3, expand_animations=False),
    )
    with tf.control_dependencies([_assert_not_huge(tf.size(image, tf.int64) // 3)]):
        return tf.ensure_shape(image, (None, None, 3))


def model_view(image: tf.Tensor, image_size: int) -> tf.Tensor:
    """`ifgan_tf.faces.geometry.model_view` as a graph; pixels differ from it by at most 1.

    Args:
      image: uint8 [H, W, 3], RGB, an aligned face.
      image_size: S, of the model.
    Returns:
      uint8 [S, S, 3].
    """
    side = working_size(image_size)
    pixels = tf.cast(image, tf.float32)[None]
    resized = tf.cond(
        side < tf.reduce_min(tf.shape(image)[:2]),
        lambda: tf.image.resize(pixels, (side, side), method="area"),
        lambda: tf.image.resize(pixels, (side, side), method="bilinear"),
    )[0]
    start = (side - image_size) // 2
    cropped = tf.image.crop_to_bounding_box(resized, start, start, image_size, image_size)
    return tf.cast(tf.clip_by_value(tf.round(cropped), 0.0, 255.0), tf.uint8)


def _on_black(layer: tf.Tensor, is_png: tf.Tensor, bits: tf.Tensor) -> tf.Tensor:
    """RGBA as RGB. `bits` is the header's depth of a PNG's samples."""
    layer = tf.ensure_shape(layer, (None, None, 4))
    colour, alpha = layer[..., :3], layer[..., 3:]
    # A PNG of 1, 2 or 4 bits without transparency gets the largest value of so many bits as its alpha.
    largest = tf.cast(tf.reduce_max(alpha), tf.int64)
    bare = is_png & (bits < 8) & (largest < tf.bitwise.left_shift(tf.constant(1, tf.int64), bits))

    def blended() -> tf.Tensor:
        return tf.cast(tf.cast(colour, tf.float32) * (tf.cast(alpha, tf.float32) / 255.0) + 0.5, tf.uint8)

    return tf.cond(bare | (tf.reduce_min(alpha) == 255), lambda: colour, blended)


def _assert_not_huge(pixels: tf.Tensor) -> tf.Operation:
    return tf.debugging.assert_less_equal(pixels, tf.constant(MAX_PIXELS, tf.int64))


def _pixels_in_header(data: tf.Tensor, header: tf.Tensor) -> tf.Tensor:
    """How many pixels decoding takes by the file's own account, so that a huge picture is never unpacked; 0 for others.

    Height x width by the head of the file; of a GIF all its frames, which may be larger than its head says, and all of
    which are unpacked for the first.
    """

    def number(*places: int) -> tf.Tensor:  # lowest byte first
        value = tf.add_n([header[place] * 256**power for power, place in enumerate(places)])
        return tf.minimum(value, 2**32 - value)  # a BMP that starts at its top has a negative height

    def of_jpeg() -> tf.Tensor:
        shape = tf.cast(tf.io.extract_jpeg_shape(data), tf.int64)
        return shape[0] * shape[1]

    return tf.case(
        [
            (_starts(data, b"\xff\xd8\xff"), of_jpeg),
            (_starts(data, _PNG), lambda: number(19, 18, 17, 16) * number(23, 22, 21, 20)),
            (_starts(data, b"GIF8"), lambda: tf.maximum(number(6, 7) * number(8, 9), _pixels_in_frames(data))),
            (_starts(data, b"BM"), lambda: number(18, 19, 20, 21) * number(22, 23, 24, 25)),
            (_starts(data, b"VP8X", 12), lambda: (1 + number(24, 25, 26)) * (1 + number(27, 28, 29))),
            (
                _starts(data, b"VP8L", 12),
                lambda: (1 + number(21, 22) % 2**14) * (1 + number(22, 23, 24) // 2**6 % 2**14),
            ),
            (_starts(data, b"VP8 ", 12), lambda: number(26, 27) % 2**14 * (number(28, 29) % 2**14)),
        ],
        default=lambda: tf.constant(0, tf.int64),
    )


def _pixels_in_frames(data: tf.Tensor) -> tf.Tensor:
    """Height x width of all frames of a GIF together, or of those that pass `MAX_PIXELS`."""
    content = tf.pad(tf.cast(tf.io.decode_raw(data, tf.uint8), tf.int64), [[0, _GIF_FRAME]])  # cut short at any place
    end = tf.strings.length(data)

    def table(flags: tf.Tensor) -> tf.Tensor:  # bytes of the palette that may follow
        return tf.cast(
            tf.where(flags >= 128, 3 * tf.bitwise.left_shift(tf.constant(2, tf.int64), flags % 8), 0), tf.int32
        )

    def next_part(at: tf.Tensor, pixels: tf.Tensor, in_blocks: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        part = content[at : at + _GIF_FRAME]
        length = tf.cast(part[0], tf.int32)
        is_frame, is_extension = ~in_blocks & (part[0] == 0x2C), ~in_blocks & (part[0] == 0x21)
        after = tf.where(
            in_blocks,
            at + 1 + length,
            tf.where(is_frame, at + _GIF_FRAME + 1 + table(part[9]), tf.where(is_extension, at + 2, end)),
        )
        area = (part[5] + 256 * part[6]) * (part[7] + 256 * part[8])
        return after, pixels + tf.where(is_frame, area, 0), tf.where(in_blocks, length > 0, is_frame | is_extension)

    first = _GIF_HEAD + table(tf.pad(content, [[0, _GIF_HEAD]])[10])
    _, pixels, _ = tf.while_loop(
        lambda at, pixels, _: (at < end) & (pixels <= MAX_PIXELS),
        next_part,
        (first, tf.constant(0, tf.int64), tf.constant(False)),
    )
    return pixels


def _starts(data: tf.Tensor, magic: bytes, at: int = 0) -> tf.Tensor:
    return tf.strings.substr(data, at, len(magic)) == magic
