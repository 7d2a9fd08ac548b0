"""Files that are whole or not there: written beside, then renamed."""

from __future__ import annotations

from pathlib import Path


def write_bytes(path: Path, content: bytes) -> Path:
    """Writes `content` to `path`, replacing what was there only once all of it is on the disk.

    Raises:
      OSError: when the disk is full or the folder cannot be written; `path` is then as it was.
    """
    beside = path.with_name(f".{path.name}.tmp")
    try:
        beside.write_bytes(content)
        return beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_text(path: Path, content: str) -> Path:
    """`write_bytes` of text in UTF-8."""
    return write_bytes(path, content.encode())
