"""The one progress bar: for people who watch, never into files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tqdm import tqdm


def bar(iterable: Iterable[Any] | None = None, **settings: Any) -> tqdm[Any]:
    """`tqdm` that stays silent when standard error is no terminal: a log wants lines, not redrawn ones.

    Args:
      iterable: what to go through; None to call `update` by hand.
      settings: of tqdm, such as `desc`, `unit` and `total`.
    """
    return tqdm(iterable, disable=None, **settings)
