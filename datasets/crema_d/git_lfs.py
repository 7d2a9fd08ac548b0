"""Files that git-lfs left out: a clone without it, or a ZIP from the web page, has short texts in their place."""

from __future__ import annotations

from datasets.user_copy import DataFile
from ifgan_tf.errors import UserError

_BEGINS = b"version https://git-lfs.github.com/spec/v1"
_LONGEST = 1024  # bytes; real ones have about 130
FOUND = "a git-lfs pointer, a short text in the place of the file"
REMEDY = "run `git lfs install && git lfs pull` in the clone"


def is_pointer(file: DataFile) -> bool:
    """Whether the file is a pointer; False for one that cannot be read, which is told of where it is used."""
    try:
        return file.read(_LONGEST).startswith(_BEGINS)
    except UserError:  # longer than any pointer, or not readable
        return False
