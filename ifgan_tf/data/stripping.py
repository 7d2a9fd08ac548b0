"""What a picture's file says about itself, apart from its pixels, so that a fault there does not cost the picture."""

from __future__ import annotations

from collections.abc import Iterator

# PNG's chunks without which the pixels would look different; capital letters mark those that every reader needs.
_PNG_START, _PNG_NEEDED = b"\x89PNG\r\n\x1a\n", (b"tRNS",)
_JPEG_START, _JPEG_SCAN = b"\xff\xd8", 0xDA
_JPEG_EXIF, _JPEG_ADOBE = 0xE1, 0xEE  # Adobe's segment says how colours are stored
_WEBP_METADATA = (b"EXIF", b"XMP ", b"ICCP")


def without_metadata(data: bytes) -> tuple[bytes, bytes]:
    """Takes JPEG, PNG and WebP files apart.

    Args:
      data: content of a file, of any kind, damaged or not.
    Returns:
      The same picture without EXIF, XMP, colour profile and texts, and its EXIF block (empty if it has none). Files of
      other kinds come back as they are.
    """
    if data.startswith(_JPEG_START):
        return _jpeg(data)
    if data.startswith(_PNG_START):
        return _png(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    return data, b""


def _jpeg(data: bytes) -> tuple[bytes, bytes]:
    kept, exif, at = [_JPEG_START], b"", 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != _JPEG_SCAN:
        marker, end = data[at + 1], at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == _JPEG_EXIF and data[at + 4 : at + 10] == b"Exif\0\0":
            exif = exif or data[at + 4 : end]
        if not (0xE0 <= marker <= 0xEF or marker == 0xFE) or marker == _JPEG_ADOBE:
            kept.append(data[at:end])
        at = end
    return b"".join([*kept, data[at:]]), exif


def _png(data: bytes) -> tuple[bytes, bytes]:
    kept, exif, at = [_PNG_START], b"", len(_PNG_START)
    while at + 8 <= len(data):
        name, end = data[at + 4 : at + 8], at + 12 + int.from_bytes(data[at : at + 4], "big")
        if name == b"eXIf":
            exif = b"Exif\0\0" + data[at + 8 : end - 4]
        if name[:1].isupper() or name in _PNG_NEEDED:
            kept.append(data[at:end])
        at = end
    return b"".join(kept), exif


def _webp(data: bytes) -> tuple[bytes, bytes]:
    kept, exif = [b"WEBP"], b""
    for name, chunk in _riff_chunks(data):
        content = chunk[8:]
        if name == b"EXIF":
            exif = content if content.startswith(b"Exif\0\0") else b"Exif\0\0" + content
        if name == b"VP8X" and content:
            chunk = chunk[:8] + bytes([content[0] & 0b11010011]) + content[1:]  # no profile, no EXIF, no XMP
        if name not in _WEBP_METADATA:
            kept.append(chunk)
    body = b"".join(kept)
    return b"RIFF" + len(body).to_bytes(4, "little") + body, exif


def _riff_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and bytes, its header included, of every chunk."""
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + 8 + size + size % 2
        yield data[at : at + 4], data[at:end]
        at = end
