"""Reading photographs: whatever the file holds becomes uint8 RGB, upright."""

from __future__ import annotations

import io
import os
import pathlib

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ifgan_tf.errors import UserError


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """Reads an image file as uint8 RGB [H, W, 3], 0..255.

    Grey and 16-bit images are widened, CMYK and palettes converted, transparent parts laid on black, and the EXIF
    orientation is applied.

    Raises:
      UserError: naming the file, when it is missing, empty, truncated or not an image.
    """
    try:
        data = pathlib.Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); expected an image file") from error
    return decode_image(data, name=str(path))


def decode_image(data: bytes, name: str) -> np.ndarray:
    """As :func:`read_image`, from the file's bytes; `name` is what an error calls it."""
    if not data:
        raise UserError(f"{name}: the file is empty; expected an image")
    try:
        with Image.open(io.BytesIO(data)) as image:
            return pixels_of(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = "of no known format" if isinstance(error, UnidentifiedImageError) else error
        raise UserError(
            f"{name}: not a readable image ({reason}); expected an undamaged BMP, GIF, JPEG, PNG, TIFF or WebP file"
        ) from error


def pixels_of(image: Image.Image) -> np.ndarray:
    """As :func:`read_image`, of a picture that Pillow has opened."""
    return np.asarray(_rgb(ImageOps.exif_transpose(image)))


def encode_png(image: np.ndarray) -> bytes:
    """A uint8 RGB image [H, W, 3] as the bytes of a PNG file."""
    buffer = io.BytesIO()
    # A quarter of the time of zlib's usual level, for 8 % more bytes.
    Image.fromarray(image).save(buffer, format="PNG", compress_level=3)
    return buffer.getvalue()


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":  # 16-bit grey; Pillow would clip it at 255, not scale it
        values = np.asarray(image, dtype=np.float64)
        if values.max(initial=0) > 255:
            values = values / 257
        return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8)).convert("RGB")
    if "A" in image.getbands() or "transparency" in image.info:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, (0, 0, 0, 255)), layer).convert("RGB")
    return image.convert("RGB")
