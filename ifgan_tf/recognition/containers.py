"""What the containers of videos tell about themselves: their kind, whether they are cut short, how much they hold."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_PICTURES_AND_SOUND = (b"avif", b"avis", b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"M4A ", b"M4B ", b"M4P ")
_MATROSKA, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_STARTS = {
    b"FLV\x01": "flv",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11": "wmv",
    b"\0\0\x01\xba": "mpeg",
    b"\0\0\x01\xb3": "mpeg",
    b".RMF": "rm",
    b"YUV4MPEG2": "y4m",
    b"\x06\x0e\x2b\x34": "mxf",
}
_MOST_BOXES = 100_000


@dataclass(frozen=True)
class Container:
    """Attributes:
    kind: `mp4` (and its relatives mov, 3gp), `matroska` (and webm), `avi`, another name, or empty for none.
    cut: whether the file ends before its own structure does.
    counted: whether its index lists exactly the frames that are shown.
    """

    kind: str
    cut: bool = False
    counted: bool = False


def kind_of(start: bytes) -> str:
    """The kind of a file that starts with these bytes (200 are enough); empty if no video is known to start so."""
    if start[4:8] in _MP4_BOXES:
        return "" if start[4:8] == b"ftyp" and start[8:12] in _PICTURES_AND_SOUND else "mp4"
    if start.startswith(_MATROSKA):
        return "matroska"
    if start[:4] == b"RIFF" and start[8:12] == b"AVI ":
        return "avi"
    if start[:4] == b"OggS" and b"theora" in start:
        return "ogg"
    for offset, packet in ((0, 188), (4, 192)):  # MPEG transport streams repeat their mark
        if len(start) >= 200 and start[offset] == start[offset + packet] == 0x47:
            return "ts"
    return next((kind for mark, kind in _STARTS.items() if start.startswith(mark)), "")


def inspect(path: str) -> Container:
    """Reads no more than headers. What cannot be understood is taken for whole, and not for counted."""
    try:
        with Path(path).open("rb") as file:
            kind, end = kind_of(file.read(256)), os.fstat(file.fileno()).st_size
            if kind == "mp4":
                return _mp4(file, end)
            if kind == "matroska":
                return Container(kind, cut=_matroska_end(file) > end)
            if kind == "avi":
                file.seek(4)
                return Container(kind, cut=8 + struct.unpack("<I", file.read(4))[0] > end)
            return Container(kind)
    except (OSError, struct.error, ValueError, IndexError, OverflowError):
        return Container("")


def _mp4(file: BinaryIO, end: int) -> Container:
    cut, fragments, trimmed = False, False, False
    for name, start, stop in _boxes(file, 0, end):
        cut |= stop > end
        fragments |= name == b"moof"
        if name == b"moov" and stop <= end:
            trimmed = any(trim for trim in _trims(file, start, stop))
    return Container("mp4", cut, counted=not fragments and not trimmed)


def _trims(file: BinaryIO, start: int, stop: int) -> Iterator[bool]:
    """For every track of pictures in a `moov` box, whether its edit list leaves a part of what is there unseen."""
    movie_scale = 0
    for name, at, end in list(_boxes(file, start, stop)):
        if name == b"mvhd":
            movie_scale = _scale_and_duration(file, at)[0]
        if name == b"trak":
            shown, scale, length, handler = None, 0, 0, b""
            for inner, inner_at, inner_end in list(_boxes(file, at, end)):
                if inner in (b"edts", b"mdia"):
                    for leaf, leaf_at, _ in list(_boxes(file, inner_at, inner_end)):
                        if leaf == b"elst":
                            shown = _edited(file, leaf_at)
                        if leaf == b"mdhd":
                            scale, length = _scale_and_duration(file, leaf_at)
                        if leaf == b"hdlr":
                            file.seek(leaf_at + 8)
                            handler = file.read(4)
            if handler == b"vide" and shown is not None and movie_scale and scale:
                yield shown / movie_scale < length / scale - 0.02


def _boxes(file: BinaryIO, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, start of the content and end of every box; only the last end may lie beyond `end`."""
    for _ in range(_MOST_BOXES):
        if at + 8 > end:
            return
        file.seek(at)
        size, name = struct.unpack(">I4s", file.read(8))
        header = 8
        if size == 1:
            size, header = struct.unpack(">Q", file.read(8))[0], 16
        stop = end if size == 0 else at + size
        if stop < at + header:
            return
        yield name, at + header, stop
        at = stop


def _scale_and_duration(file: BinaryIO, at: int) -> tuple[int, int]:
    file.seek(at)
    if file.read(4)[0]:
        _, _, scale, duration = struct.unpack(">QQIQ", file.read(28))
    else:
        _, _, scale, duration = struct.unpack(">IIII", file.read(16))
    return scale, duration


def _edited(file: BinaryIO, at: int) -> int:
    """The length of all that an edit list shows, pauses left out."""
    file.seek(at)
    version, count = file.read(4)[0], struct.unpack(">I", file.read(4))[0]
    form = ">QqI" if version else ">IiI"
    edits = [struct.unpack(form, file.read(struct.calcsize(form))) for _ in range(min(count, _MOST_BOXES))]
    return sum(length for length, start, _ in edits if start >= 0)


def _matroska_end(file: BinaryIO) -> int:
    """Where the file ends by its own account; 0 where it does not say, as in a recording that goes on."""
    file.seek(4)
    header = _number(file)
    file.seek(header, os.SEEK_CUR)
    if file.read(4) != _SEGMENT:
        return 0
    size = _number(file)
    return file.tell() + size


def _number(file: BinaryIO) -> int:
    """EBML's integer of variable length; 0 for the one that means unknown."""
    first = file.read(1)[0]
    length = 9 - first.bit_length()
    value = int.from_bytes(bytes([first & (0xFF >> length)]) + file.read(length - 1), "big")
    return 0 if value == (1 << 7 * length) - 1 else value
