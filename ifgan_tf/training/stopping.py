"""Stopping a training from outside without losing a step: SIGTERM, as before a pre-emption, or Ctrl-C."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(Exception):  # noqa: N818 (it is none)
    """Raised where the state of a run can be kept as it is."""


class Stop:
    """Whether somebody asked to stop.

    Attributes:
      signal: the number of the signal, 0 as long as nobody did.
    """

    def __init__(self) -> None:
        self.signal = 0
        self._at_once = False

    @property
    def exit_code(self) -> int:
        """130 after Ctrl-C, 143 after SIGTERM, which it is, too, where another process was asked."""
        return 128 + (self.signal or signal.SIGTERM)

    def check(self) -> None:
        """Raises `Stopped` if somebody asked to."""
        if self.signal:
            raise Stopped

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """For what takes long and may be left in its middle: `Stopped` is raised there the moment somebody asks to.

        Native code that it is raised in may let another error out; that is the same.
        """
        self._at_once = True
        try:
            self.check()
            yield
        except Exception:
            self.check()
            raise
        finally:
            self._at_once = False

    def _asked(self, number: int, _: FrameType | None) -> None:
        self.signal = number
        if self._at_once:
            raise Stopped


@contextlib.contextmanager
def signals() -> Iterator[Stop]:
    """Turns signals into a `Stop`, in the main thread; a second one leaves at once.

    A handler in Python only runs between two operations, and a training step or a write to a dead disk may be a long
    one: a thread of its own sees the second signal even then.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop  # handlers belong to the main thread
        return
    incoming, outgoing = os.pipe()
    os.set_blocking(outgoing, False)
    before = {number: signal.signal(number, stop._asked) for number in _SIGNALS}
    wakeup_before = signal.set_wakeup_fd(outgoing, warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(incoming,), daemon=True)
    watcher.start()
    try:
        yield stop
    finally:
        signal.set_wakeup_fd(wakeup_before)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.write(outgoing, b"\0")
        watcher.join()
        os.close(outgoing)
        os.close(incoming)


def _watch(incoming: int) -> None:
    asked = False
    while number := os.read(incoming, 1)[0]:
        if number not in _SIGNALS:
            continue
        if asked:
            os._exit(128 + number)
        asked = True
        logging.info("stopping as soon as the step is over and kept; ask once more to leave at once")
