"""Transfers of TFDS' download manager, many at a time, that neither wait for ever nor outlive a Ctrl-C.

TFDS downloads with `requests`, without any time limit, asks a dead address ten times with growing pauses, and does so
in threads that Python waits for before it ends. The promises that it waits with are not made for threads: one that is
kept at the very moment when somebody begins to wait for it is waited for without end. None of this can be set from
outside, so the few functions that every transfer goes through are replaced while a block runs.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import requests
import tensorflow_datasets as tfds
from promise import ImmediateScheduler, Promise, get_default_scheduler, set_default_scheduler
from urllib3.connection import HTTPConnection

_RETRIES = 2  # of refused connections and of errors that servers call their own (5xx)
_awaited = threading.local()  # `event` of the transfer that this thread asked for last


class Transfers:
    """The transfers of one block; made by :func:`transfers`.

    Args:
      connect_seconds: how long an address may take to accept a connection.
      stall_seconds: how long it may take from one byte to the next; a transfer as a whole may take any time.
    """

    def __init__(self, connect_seconds: float, stall_seconds: float) -> None:
        self._limits = connect_seconds, stall_seconds
        self._stopped = threading.Event()
        self._guard = threading.Lock()
        self._sockets: weakref.WeakSet[Any] = weakref.WeakSet()
        self._awaited: dict[str, threading.Event] = {}  # by address: set once its promise is being waited for

    def download(self, dl_manager: tfds.download.DownloadManager, address: str) -> str:
        """Downloads one address, which no other thread asks for at the same time; raises what TFDS does.

        Returns:
          Where TFDS has put the file.
        """
        self._awaited[address] = _awaited.event = threading.Event()
        # A new Resource each time: TFDS keeps the outcome for an argument that it has seen, a failure too.
        return str(dl_manager.download(tfds.download.Resource(url=address)))

    def stop(self) -> None:
        """Ends all running transfers with an error, and refuses new ones."""
        with self._guard:
            self._stopped.set()
            for connected in list(self._sockets):
                # Wakes the thread that waits for its bytes, which closing the socket would not do.
                with contextlib.suppress(OSError, AttributeError):
                    connected.shutdown(socket.SHUT_RDWR)

    def send(self, original: Callable[..., Any], adapter: Any, request: Any, *arguments: Any, **settings: Any) -> Any:
        """`requests.adapters.HTTPAdapter.send` with time limits and few retries, once its promise is waited for."""
        if (awaited := self._awaited.get(request.url)) is not None:
            awaited.wait(self._limits[0])
        if self._stopped.is_set():
            raise requests.ConnectionError("stopped")
        if (adapter.max_retries.total or 0) > _RETRIES:
            # A server that was silent for that long is not asked again: there is another address.
            adapter.max_retries = adapter.max_retries.new(total=_RETRIES, read=0, respect_retry_after_header=False)
        settings["timeout"] = settings.get("timeout") or self._limits
        return original(adapter, request, *arguments, **settings)

    def get_response(self, original: Callable[..., Any], connection: HTTPConnection) -> Any:
        """`urllib3`'s way from a request to its answer, with the socket noted for `stop`."""
        with self._guard:
            if self._stopped.is_set():
                raise ConnectionAbortedError("stopped")
            self._sockets.add(connection.sock)
        return original(connection)


@contextlib.contextmanager
def transfers(connect_seconds: float, stall_seconds: float) -> Iterator[Transfers]:
    """For the time of the block, every download of this process is bounded as :class:`Transfers` says."""
    running = Transfers(connect_seconds, stall_seconds)
    scheduler = get_default_scheduler()
    set_default_scheduler(_Scheduler())
    try:
        with (
            _replaced(requests.adapters.HTTPAdapter, "send", running.send),
            _replaced(HTTPConnection, "getresponse", running.get_response),
        ):
            yield running
    finally:
        set_default_scheduler(scheduler)


class _Scheduler(ImmediateScheduler):
    """Waits as the default one does, and lets the transfer begin only once all is set for its end to be heard."""

    def wait(self, promise: Promise, timeout: float | None = None) -> None:
        settled = threading.Event()
        promise.then(lambda _: settled.set(), lambda _: settled.set())
        if (event := getattr(_awaited, "event", None)) is not None:
            event.set()
        if not settled.wait(timeout):
            raise TimeoutError


@contextlib.contextmanager
def _replaced(owner: type, name: str, method: Callable[..., Any]) -> Iterator[None]:
    """Has `method` called in place of `owner`'s, which is its first argument."""
    original = getattr(owner, name)
    setattr(owner, name, lambda *arguments, **settings: method(original, *arguments, **settings))
    try:
        yield
    finally:
        setattr(owner, name, original)
