"""Whatever a file holds becomes upright uint8 RGB, or one clear error."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageFile

from ifgan_tf.data import images
from ifgan_tf.data.images import decode_image, encode_png, read_image
from ifgan_tf.errors import UserError

CASES = Path(__file__).parents[4] / "shared" / "cases"
RED = (220, 30, 40)


@pytest.mark.parametrize("extension", ["png", "bmp", "jpg", "webp", "tiff"])
def test_red_stays_red(tmp_path, extension):
    path = tmp_path / f"rött.{extension}"
    Image.new("RGB", (20, 10), RED).save(path)
    image = read_image(path)
    assert image.shape == (10, 20, 3) and image.dtype == np.uint8
    np.testing.assert_allclose(image[5, 5], RED, atol=6)


def test_cmyk_is_converted(tmp_path):
    path = tmp_path / "print.jpg"
    Image.new("RGB", (16, 16), RED).convert("CMYK").save(path)
    np.testing.assert_allclose(read_image(path)[8, 8], RED, atol=12)


def test_grey_is_widened(tmp_path):
    path = tmp_path / "grey.png"
    Image.new("L", (4, 6), 77).save(path)
    np.testing.assert_array_equal(read_image(path), np.full((6, 4, 3), 77))


def test_sixteen_bits_are_scaled(tmp_path):
    path = tmp_path / "deep.png"
    Image.fromarray(np.array([[0, 32768, 65535]], np.uint16)).save(path)
    np.testing.assert_array_equal(read_image(path)[0, :, 0], [0, 128, 255])


def test_transparent_parts_are_black(tmp_path):
    path = tmp_path / "alpha.png"
    pixels = np.full((2, 2, 4), 200, np.uint8)
    pixels[0, :, 3] = 0
    pixels[1, :, 3] = 255
    Image.fromarray(pixels).save(path)
    image = read_image(path)
    assert image.shape == (2, 2, 3)
    np.testing.assert_array_equal(image[:, 0, 0], [0, 200])


def test_palette_is_expanded(tmp_path):
    path = tmp_path / "palette.png"
    Image.new("RGB", (4, 4), RED).convert("P", palette=Image.Palette.ADAPTIVE).save(path)
    np.testing.assert_allclose(read_image(path)[0, 0], RED, atol=6)


def test_exif_orientation_is_applied(tmp_path):
    path = tmp_path / "turned.jpg"
    image = Image.new("RGB", (40, 20), (0, 0, 0))
    image.paste((255, 255, 255), (0, 0, 20, 20))  # white on the left
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned clockwise: white comes to the top
    image.save(path, exif=exif, quality=95)
    upright = read_image(path)
    assert upright.shape == (40, 20, 3)
    assert upright[:15].mean() > 240 and upright[25:].mean() < 15


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty"), (b"not an image", "of no known format"), (None, "cannot be read")],
)
def test_unusable_files_are_named(tmp_path, content, reason):
    path = tmp_path / "broken.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=reason) as error:
        read_image(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("extension", ["png", "jpg", "bmp"])
def test_a_truncated_image_is_no_image(tmp_path, extension):
    path = tmp_path / f"cut.{extension}"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UserError, match=f"cut.{extension}"):
        read_image(path)


def test_png_round_trip():
    image = np.random.default_rng(1).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    np.testing.assert_array_equal(decode_image(encode_png(image), "x"), image)


def _exif_with_a_broken_entry() -> bytes:
    """Orientation 6, and a signed rational with denominator 0."""
    entries = struct.pack("<HHII", 0x0112, 3, 1, 6) + struct.pack("<HHII", 0x9204, 10, 1, 38)
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + entries + struct.pack("<I", 0) + struct.pack("<ii", 1, 0)


@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "tiff"])
def test_broken_metadata_cost_neither_pixels_nor_orientation(tmp_path, extension):
    path = tmp_path / f"odd.{extension}"
    image = Image.new("RGB", (40, 20), "black")
    image.paste("white", (0, 0, 20, 20))
    options = {"tiffinfo": {0x0112: 6}} if extension == "tiff" else {"exif": _exif_with_a_broken_entry()}
    image.save(path, **options, **({} if extension in ("tiff", "png") else {"quality": 95}))
    upright = read_image(path)
    assert upright.shape == (40, 20, 3)
    assert upright[:15].mean() > 240 and upright[25:].mean() < 15


@pytest.mark.parametrize("extension", ["jpg", "png", "webp"])
def test_garbage_in_place_of_metadata(tmp_path, extension):
    path = tmp_path / f"odd.{extension}"
    garbage = b"Exif\0\0MM\0*\xff\xff\xff\xff\0\0"
    Image.new("RGB", (20, 10), RED).save(path, exif=garbage, icc_profile=b"\0" * 300)
    np.testing.assert_allclose(read_image(path)[5, 5], RED, atol=6)


@pytest.mark.skipif(not CASES.is_dir(), reason=f"the sample inputs are not at {CASES}")
def test_the_sample_with_a_broken_rational():
    assert read_image(CASES / "exif_rational.jpg").shape == (48, 40, 3)


@pytest.mark.parametrize(
    "failure", [struct.error("odd"), TypeError(), RuntimeError("odd"), NotImplementedError("odd"), MemoryError()]
)
def test_whatever_a_decoder_raises_names_the_file(tmp_path, monkeypatch, failure):
    def load(self):
        raise failure

    path = tmp_path / "odd.png"
    Image.new("RGB", (4, 4)).save(path)
    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    with pytest.raises(UserError, match=r"odd.png: not a readable image"):
        read_image(path)


def test_what_it_is_is_told_by_its_content(tmp_path):
    Image.new("RGB", (20, 10), RED).save(tmp_path / "photo.txt", format="AVIF", quality=90)
    np.testing.assert_allclose(read_image(tmp_path / "photo.txt")[5, 5], RED, atol=12)


def test_a_picture_that_would_fill_the_memory(tmp_path):
    chunk = b"IHDR" + struct.pack(">IIBBBBB", 12_000, 12_000, 8, 2, 0, 0, 0)
    header = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    with pytest.raises(UserError, match="12000 x 12000 pixels; expected 134,217,728 at most"):
        decode_image(header + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT")), "huge.png")


def test_a_file_of_more_bytes_than_any_picture_is_not_read_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "MAX_FILE_BYTES", 1000)
    with pytest.raises(UserError, match="/dev/zero: has more than 1,000 bytes"):
        read_image("/dev/zero")


def test_a_gif_whose_frame_is_larger_than_itself(tmp_path):
    head = b"GIF89a" + struct.pack("<HHBBB", 9, 9, 0x80, 0, 0) + bytes(6)
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 12_000, 12_000, 0) + b"\x02\x01\x05\0;"
    with pytest.raises(UserError, match="12000 x 12000 pixels"):
        decode_image(head + frame, "huge.gif")


@pytest.mark.parametrize(("white", "clipped"), [(1.0, False), (4.0, True), (255.0, False), (65535.0, False)])
def test_floats_of_any_range(tmp_path, white, clipped):
    path = tmp_path / "float.tiff"
    Image.fromarray(np.linspace(0, white, 256, dtype=np.float32).reshape(16, 16)).save(path)
    expected = np.arange(256) * (white if clipped else 1)
    np.testing.assert_allclose(read_image(path)[:, :, 0].ravel(), np.clip(expected, 0, 255), atol=1)


def test_heic_is_read_or_says_what_it_needs():
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)
    with pytest.raises(UserError, match=r"pillow-heif|not a readable image"):
        decode_image(heic, "IMG_1.HEIC")


@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "tiff"])
def test_a_callers_picture_keeps_its_metadata(tmp_path, extension):
    path = tmp_path / f"mine.{extension}"
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Artist] = "me"
    Image.new("RGB", (40, 20), RED).save(path, exif=exif)
    with Image.open(path) as mine, Image.open(path) as loaded:
        loaded.load()  # Pillow turns a TIFF here, and says so
        assert images.pixels_of(mine).shape == (40, 20, 3)
        assert dict(mine.getexif()) == dict(loaded.getexif())
        assert mine.getexif()[ExifTags.Base.Artist] == "me"
