"""The one progress bar: for people who watch; a line now and then for logs."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

_SECONDS_A_LINE = 60


def bar(iterable: Iterable[Any] | None = None, **settings: Any) -> tqdm[Any]:
    """`tqdm` where standard error is a terminal; elsewhere a line a minute, so that a log shows life.

    Args:
      iterable: what to go through; None to call `update` by hand.
      settings: of tqdm, such as `desc`, `unit` and `total`.
    """
    if sys.stderr is not None and sys.stderr.isatty():
        return tqdm(iterable, **settings)
    return _Lines(iterable, **settings)


class _Lines(tqdm):
    """A bar whose redrawing is a line in the log; what takes less than a minute is silent."""

    def __init__(self, iterable: Iterable[Any] | None, **settings: Any) -> None:
        every = {"mininterval": _SECONDS_A_LINE, "maxinterval": _SECONDS_A_LINE, "leave": False}
        super().__init__(iterable, **{**settings, **every, "file": io.StringIO()})

    def display(self, *unused: Any, **also_unused: Any) -> bool:
        elapsed = self.format_dict["elapsed"]
        if elapsed >= _SECONDS_A_LINE:
            what = f"{self.desc.removesuffix(': ')}: " if self.desc else ""
            told = self.format_sizeof if self.unit_scale else "{:,}".format
            done = f"{told(self.n)} of {told(self.total)}" if self.total else told(self.n)
            logging.info("%s%s %s after %s", what, done, self.unit, self.format_interval(elapsed))
        return True

    def clear(self, *unused: Any, **also_unused: Any) -> None:
        pass
