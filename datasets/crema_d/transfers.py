"""HTTP transfers of TFDS' download manager that neither wait for ever nor outlive a Ctrl-C.

TFDS downloads with `requests`, without any time limit, in threads that Python waits for before it ends, and asks a dead
address ten times with growing pauses. None of this can be set from outside, so the two methods that every transfer goes
through are replaced while a block runs.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import requests
from urllib3.connection import HTTPConnection

_RETRIES = 2  # of refused connections and of errors that servers call their own (5xx)


@contextlib.contextmanager
def bounded(connect_seconds: float, stall_seconds: float) -> Iterator[Callable[[], None]]:
    """Gives every transfer of this process that has no time limit one, and few retries, while the block runs.

    Args:
      connect_seconds: how long an address may take to accept a connection.
      stall_seconds: how long it may take from one byte to the next; the transfer as a whole may take any time.

    Yields:
      A function that ends all running transfers with an error and refuses new ones, until the block ends.
    """
    send, get_response = requests.adapters.HTTPAdapter.send, HTTPConnection.getresponse
    stopped = threading.Event()
    sockets: weakref.WeakSet[Any] = weakref.WeakSet()
    guard = threading.Lock()

    def send_bounded(
        adapter: requests.adapters.HTTPAdapter,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        *arguments: Any,
        **settings: Any,
    ) -> requests.Response:
        if stopped.is_set():
            raise requests.ConnectionError("stopped")
        if (adapter.max_retries.total or 0) > _RETRIES:
            # A server that was silent for that long is not asked again: there is another address.
            adapter.max_retries = adapter.max_retries.new(total=_RETRIES, read=0, respect_retry_after_header=False)
        return send(adapter, request, stream, timeout or (connect_seconds, stall_seconds), *arguments, **settings)

    def get_response_noted(connection: HTTPConnection) -> Any:
        with guard:
            if stopped.is_set():
                raise ConnectionAbortedError("stopped")
            sockets.add(connection.sock)
        return get_response(connection)

    def stop() -> None:
        with guard:
            stopped.set()
            for connected in list(sockets):
                # Wakes the thread that waits for its bytes, which closing the socket would not do.
                with contextlib.suppress(OSError, AttributeError):
                    connected.shutdown(socket.SHUT_RDWR)

    with (
        _replaced(requests.adapters.HTTPAdapter, "send", send_bounded),
        _replaced(HTTPConnection, "getresponse", get_response_noted),
    ):
        yield stop


@contextlib.contextmanager
def _replaced(owner: type, name: str, method: Callable[..., Any]) -> Iterator[None]:
    original = getattr(owner, name)
    setattr(owner, name, method)
    try:
        yield
    finally:
        setattr(owner, name, original)
