"""Encoded pictures inside the graph: read as the package reads them, and a broken one harms no other."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import cv2
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from export.request_decoding import _pixels_in_frames, decode_picture, decode_views
from ifgan_tf.data.images import MAX_PIXELS, decode_image

GENERATOR = np.random.default_rng(0)
RGBA = cv2.resize(GENERATOR.integers(0, 256, (12, 12, 4), dtype=np.uint8), (60, 50))
COLOUR, LAYER = Image.fromarray(np.ascontiguousarray(RGBA[..., :3])), Image.fromarray(RGBA)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(bits: int, colours: int, between: bytes = b"", width: int = 16, height: int = 16) -> bytes:
    """A PNG of noise, of few bits a pixel; a huge one has a header and no pixels."""
    rows = (
        b"".join(b"\0" + GENERATOR.bytes(width * bits // 8) for _ in range(height)) if width * height < 2**20 else b""
    )
    header = struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0)
    parts = [chunk(b"IHDR", header), between, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def palette(bits: int) -> bytes:
    return chunk(b"PLTE", GENERATOR.bytes(3 * 2**bits))


def gif(screen: tuple[int, int], *frames: tuple[int, int]) -> bytes:
    """A GIF with frames of these sizes, width and height, in which no pixel is stored."""
    head = b"GIF89a" + struct.pack("<HHBBB", *screen, 0x80, 0, 0) + bytes(6)
    comment = b"\x21\xfe\x03abc\0"
    parts = [comment + b"\x2c" + struct.pack("<HHHHB", 0, 0, *size, 0) + b"\x02\x01\x05\0" for size in frames]
    return head + b"".join(parts) + b";"


EXACT = {
    "PNG": encoded(COLOUR, "PNG"),
    "BMP": encoded(COLOUR, "BMP"),
    "grey PNG": encoded(COLOUR.convert("L"), "PNG"),
    "PNG with alpha": encoded(LAYER, "PNG"),
    "grey PNG with alpha": encoded(LAYER.convert("LA"), "PNG"),
    "palette": encoded(COLOUR.quantize(20), "PNG"),
    "palette with a transparent colour": encoded(COLOUR.quantize(20), "PNG", transparency=3),
    "palette with alpha": encoded(COLOUR.quantize(20), "PNG", transparency=bytes(range(0, 200, 10))),
    "grey with a transparent value": encoded(COLOUR.convert("L"), "PNG", transparency=int(RGBA[0, 0, 0])),
    "RGB with a transparent colour": encoded(COLOUR, "PNG", transparency=tuple(map(int, RGBA[5, 5, :3]))),
    "16-bit grey PNG": cv2.imencode(".png", RGBA[..., 0].astype(np.uint16) * 257)[1].tobytes(),
    "16-bit PNG": cv2.imencode(".png", RGBA[..., :3].astype(np.uint16) * 257)[1].tobytes(),
    "16-bit PNG with alpha": cv2.imencode(".png", RGBA.astype(np.uint16) * 257)[1].tobytes(),
    "GIF": encoded(COLOUR, "GIF"),
    "GIF of several frames": encoded(COLOUR, "GIF", save_all=True, append_images=[COLOUR.rotate(90), LAYER]),
    "GIF with a transparent colour": encoded(COLOUR.quantize(20), "GIF", transparency=3),
    "WebP with alpha": encoded(LAYER, "WEBP", lossless=True),
    **{f"{bits}-bit grey PNG": png(bits, 0) for bits in (1, 2, 4)},
    "1-bit grey PNG, transparent": png(1, 0, chunk(b"tRNS", b"\0\1")),  # of 2 and 4 bits Pillow drops it
    **{f"{bits}-bit palette": png(bits, 3, palette(bits)) for bits in (1, 2, 4)},
    **{f"{bits}-bit palette, transparent": png(bits, 3, palette(bits) + chunk(b"tRNS", b"\x64")) for bits in (1, 2, 4)},
}
LOSSY = {
    "JPEG": encoded(COLOUR, "JPEG"),
    "grey JPEG": encoded(COLOUR.convert("L"), "JPEG"),
    "CMYK JPEG": encoded(COLOUR.convert("CMYK"), "JPEG"),
    "progressive JPEG": encoded(COLOUR, "JPEG", progressive=True),
}
HUGE = {
    "PNG": png(1, 0, width=2**14, height=2**13 + 1),
    "wide PNG": png(8, 2, width=2**31 - 1, height=2**31 - 1),
    "GIF": b"GIF89a" + struct.pack("<HH", 65535, 65535) + encoded(COLOUR, "GIF")[10:],
    "BMP": encoded(COLOUR, "BMP")[:18] + struct.pack("<ii", 2**16, -(2**16)) + encoded(COLOUR, "BMP")[26:],
}
_frame = LOSSY["JPEG"].index(b"\xff\xc0") + 5
HUGE["JPEG"] = LOSSY["JPEG"][:_frame] + struct.pack(">HH", 65500, 65500) + LOSSY["JPEG"][_frame + 4 :]
HUGE["WebP"] = EXACT["WebP with alpha"][:12] + b"VP8X" + struct.pack("<IB3x", 10, 0) + b"\xff\x3f\0" * 2 + bytes(20)
HUGE["lossless WebP"] = b"RIFF\x20\0\0\0WEBPVP8L\x10\0\0\0\x2f" + (2**28 - 1).to_bytes(4, "little") + bytes(20)
HUGE["lossy WebP"] = b"RIFF\x20\0\0\0WEBPVP8 \x10\0\0\0" + bytes(6) + b"\xff\x3f" * 2 + bytes(20)
HUGE["GIF with a frame larger than itself"] = gif((9, 9), (12000, 12000))
HUGE["GIF of many frames"] = gif((1000, 1000), *[(1000, 1000)] * 140)
BROKEN = {
    "nothing": b"",
    "one byte": b"\x89",
    "text": b"no picture at all, but text",
    "noise": GENERATOR.bytes(2000),
    "cut JPEG": LOSSY["JPEG"][: len(LOSSY["JPEG"]) // 2],
    "cut PNG": EXACT["PNG"][:-500],
    "cut GIF": EXACT["GIF"][: len(EXACT["GIF"]) // 2],
    "a JPEG's head": LOSSY["JPEG"][:4],
    **{f"huge {name}": data for name, data in HUGE.items()},
}


@pytest.mark.parametrize("kind", [*EXACT, *LOSSY])
def test_read_as_the_package_reads_it(kind: str) -> None:
    data = (EXACT | LOSSY)[kind]
    ours = decode_image(data, kind).astype(int)
    graph = tf.function(decode_picture)(tf.constant(data)).numpy().astype(int)
    assert graph.shape == ours.shape
    # Two decoders may widen the chroma of a JPEG differently; alpha may round either way.
    assert np.abs(graph - ours).max() <= (4 if kind in LOSSY else 1)


@pytest.mark.parametrize("kind", HUGE)
def test_a_huge_picture_is_refused_by_its_header(kind: str) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=str(MAX_PIXELS)):
        decode_picture(tf.constant(HUGE[kind]))


def test_the_frames_of_a_gif_are_counted() -> None:
    for frames in ([(3, 5)], [(3, 5), (7, 2)], []):
        data = gif((50, 50), *frames)
        assert int(_pixels_in_frames(tf.constant(data))) == sum(width * height for width, height in frames)
        for end in range(13, len(data)):  # cut anywhere: it ends
            assert int(_pixels_in_frames(tf.constant(data[:end]))) <= 29


def test_rows_that_cannot_be_read_leave_the_others_alone() -> None:
    good = {**EXACT, **LOSSY}
    mixed = list((good | BROKEN).values())
    order = np.random.default_rng(1).permutation(len(mixed))
    views, read = tf.function(decode_views)(tf.constant([mixed[index] for index in order]), 32)
    alone, all_read = decode_views(tf.constant(list(good.values())), 32)
    assert all_read.numpy().all()
    assert read.numpy().tolist() == [bool(index < len(good)) for index in order]
    for row, index in enumerate(order):
        expected = alone[int(index)] if index < len(good) else np.zeros((32, 32, 3))
        np.testing.assert_array_equal(views[row], expected)


@pytest.mark.parametrize("data", [[], [b""], [b"", b"text"]])
def test_none_and_none_readable(data: list[bytes]) -> None:
    views, read = decode_views(tf.constant(data, tf.string, [len(data)]), 32)
    assert views.shape == (len(data), 32, 32, 3)
    assert read.numpy().tolist() == [False] * len(data)
    assert not views.numpy().any()
