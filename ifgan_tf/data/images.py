"""Reading photographs: whatever the file holds becomes uint8 RGB, upright."""

from __future__ import annotations

import contextlib
import io
import os
import pathlib
import warnings

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from ifgan_tf import files
from ifgan_tf.data.stripping import without_metadata
from ifgan_tf.errors import UserError

MAX_PIXELS = 2**27  # a file of a few bytes can promise more than any memory holds
MAX_FILE_BYTES = 2**29  # more than so many pixels take uncompressed

# What photographs come in. Pillow knows more, among it what runs other programs (EPS).
FORMATS = (
    *("AVIF", "BMP", "DDS", "DIB", "GIF", "HEIF", "ICO", "JPEG", "JPEG2000", "MPO"),
    *("PNG", "PPM", "PSD", "QOI", "TGA", "TIFF", "WEBP"),
)
_EXPECTED = "expected an undamaged AVIF, BMP, GIF, JPEG, PNG, TIFF or WebP file; convert others to JPEG"
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")

_BRIGHTEST_LIGHT = 16.0  # where 1 is white; a picture of 0..255 would be black
_ORIENTATION = ExifTags.Base.Orientation
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Large pictures and odd metadata are told of by errors of our own, or by none. Set once: filters are shared by threads.
warnings.filterwarnings("ignore", module=r"PIL\.")


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """Reads an image file as uint8 RGB [H, W, 3], 0..255; what it is is told by its content, not by its name.

    Upright by its EXIF orientation, transparent parts on black, 16 bits scaled to 8, grey widened, CMYK and palettes
    converted, the first picture of several. Faults in anything but the pixels cost nothing.

    Raises:
      UserError: naming the file, when it is missing, empty, truncated, not an image or of more than `MAX_PIXELS`.
    """
    name = files.printable(path)
    try:
        with pathlib.Path(path).open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{name}: cannot be read ({reason}); expected an image file") from error
    return decode_image(data, name)


def decode_image(data: bytes, name: str) -> np.ndarray:
    """As :func:`read_image`, from the file's bytes; `name` is what an error calls it."""
    if not data:
        raise UserError(f"{name}: the file is empty; expected an image")
    if len(data) > MAX_FILE_BYTES:
        raise UserError(f"{name}: has more than {MAX_FILE_BYTES:,} bytes; expected an image")
    try:
        return _decoded(data)
    except UserError as error:
        raise UserError(f"{name}: {error}") from None
    except Exception as first:  # decoders raise anything from struct.error to MemoryError
        with contextlib.suppress(Exception):
            pixels, exif = without_metadata(data)
            if pixels != data:
                return _decoded(pixels, exif)
        if isinstance(first, UnidentifiedImageError):
            raise UserError(f"{name}: not a readable image (of no known format); {_EXPECTED}") from first
        reason = str(first) or type(first).__name__
        raise UserError(f"{name}: not a readable image ({reason}); {_EXPECTED}") from first


def is_image(start: bytes) -> bool:
    """Whether a file that starts with these bytes (64 are enough) is of one of `FORMATS`; some cannot be told."""
    start = start.ljust(64, b"\0")
    if start[:2] == b"BM":
        return start[6:10] == bytes(4)
    if start[:1] == b"P":  # so do many texts
        return False
    Image.init()
    accepts = [Image.OPEN[name][1] for name in FORMATS if name in Image.OPEN]
    return _is_heif(start) or any(accept is not None and accept(start) for accept in accepts)


def pixels_of(image: Image.Image) -> np.ndarray:
    """As :func:`read_image`, of a picture that Pillow has opened."""
    orientation = _orientation(image)
    image.load()
    return np.asarray(_rgb(image if orientation is None else image.transpose(orientation)))


def encode_png(image: np.ndarray) -> bytes:
    """A uint8 RGB image [H, W, 3] as the bytes of a PNG file."""
    buffer = io.BytesIO()
    # A quarter of the time of zlib's usual level, for 8 % more bytes.
    Image.fromarray(image).save(buffer, format="PNG", compress_level=3)
    return buffer.getvalue()


def _decoded(data: bytes, exif: bytes = b"") -> np.ndarray:
    """`exif`: used in place of the one in `data`, which has none then."""
    if _is_heif(data):
        _register_heif()
    Image.init()
    with Image.open(io.BytesIO(data), formats=[name for name in FORMATS if name in Image.OPEN]) as image:
        if image.width * image.height > MAX_PIXELS:
            raise UserError(f"has {image.width} x {image.height} pixels; expected {MAX_PIXELS:,} at most")
        if exif:
            image.info["exif"] = exif
        if image.format == "TIFF":
            _forget_all_but_orientation(image)
        return pixels_of(image)


def _forget_all_but_orientation(image: Image.Image) -> None:
    """Leaves nothing else in the EXIF block of a TIFF file that was opened here.

    Pillow turns such files while it loads them, and writes their EXIF block anew for it, which fails when any other
    entry is damaged.
    """
    with contextlib.suppress(Exception):  # no EXIF block that can be read
        exif = image.getexif()
        for tag in list(exif):
            if tag != _ORIENTATION:
                del exif[tag]


def _orientation(image: Image.Image) -> Image.Transpose | None:
    """How to turn a picture after it is loaded; Pillow turns TIFF files itself."""
    try:
        turn = _UPRIGHT.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # no EXIF block that can be read: upright as it is
        return None
    return None if image.format == "TIFF" else turn


def _is_heif(data: bytes) -> bool:
    return data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS and b"avif" not in data[12:64]


def _register_heif() -> None:
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        raise UserError(
            "a HEIC picture, which needs the package pillow-heif; install it, or convert the picture to JPEG"
        ) from None
    register_heif_opener()


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        sixteen = ";16" in image.mode or image.format == "PNG"
        return Image.fromarray(_eight_bits(np.asarray(image), sixteen)).convert("RGB")
    if image.mode in ("La", "RGBa"):  # colours multiplied by their opacity
        image = image.convert("RGBA" if image.mode == "RGBa" else "LA")
    if "A" in image.getbands() or "transparency" in image.info:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, (0, 0, 0, 255)), layer).convert("RGB")
    return image.convert("RGB")


def _eight_bits(values: np.ndarray, sixteen: bool) -> np.ndarray:
    """Scales grey values of more than 8 bits, which Pillow would clip at 255.

    No file says what is white among 32-bit integers and floats: 255 or 65535, whichever holds them all first, or else
    their own maximum. Floats that stay small are light, of which 1 is white and lamps have more.
    """
    light = values.dtype.kind == "f"
    values = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    highest = float(values.max(initial=0))
    if light and highest <= _BRIGHTEST_LIGHT:
        white = 1.0
    else:
        white = 65535.0 if sixteen else next((end for end in (255.0, 65535.0) if highest <= end), highest)
    return np.clip(np.rint(values * (255 / white)), 0, 255).astype(np.uint8)
