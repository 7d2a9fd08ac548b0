"""A local web server for tests of downloads: a folder of files, and everything that goes wrong on the way.

It listens on 127.0.0.1 alone, and counts who asks for what.
"""

from __future__ import annotations

import collections
import contextlib
import http.server
import pathlib
import socket
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator

Behaviour = Callable[["_Handler", bytes], None]


class Server(http.server.ThreadingHTTPServer):
    """Serves `folder` at `address`.

    Attributes:
      address: of the folder, with "/" at its end.
      behaviours: what to do instead of sending the file, by its path in the folder; `default` for all others.
      requested: how often each path was asked for by GET.
      most_at_once: how many of them were under way at the same time.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, folder: pathlib.Path, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.folder = folder
        self.behaviours: dict[str, Behaviour] = {}
        self.default: Behaviour = send
        self.requested: collections.Counter[str] = collections.Counter()
        self.most_at_once = 0
        self._under_way: set[socket.socket] = set()
        self._guard = threading.Lock()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @contextlib.contextmanager
    def under_way(self, path: str, connection: socket.socket) -> Iterator[None]:
        with self._guard:
            self.requested[path] += 1
            self._under_way.add(connection)
            self.most_at_once = max(self.most_at_once, len(self._under_way))
        try:
            yield
        finally:
            with self._guard:
                self._under_way.discard(connection)

    def die(self) -> None:
        """No new connection is accepted, and those that are open are cut."""
        self.shutdown()
        self.server_close()
        with self._guard:
            for connection in self._under_way:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is what some of the tests are about."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.end_headers()

    def do_GET(self) -> None:
        path = urllib.parse.urlsplit(self.path).path.removeprefix("/")  # a proxy is asked for a whole address
        with self.server.under_way(path, self.connection):
            file = self.server.folder / path
            if not file.is_file():
                self.send_error(404)
                return
            self.server.behaviours.get(path, self.server.default)(self, file.read_bytes())

    def start(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()

    def log_message(self, *unused: object) -> None:
        pass


@contextlib.contextmanager
def serving(folder: pathlib.Path, port: int = 0) -> Iterator[Server]:
    """A running server, which is gone at the end of the block; at a free port, or at that of an earlier one."""
    server = Server(folder, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.die()
        thread.join()


def send(handler: _Handler, content: bytes) -> None:
    """The file as it is."""
    handler.start(content)
    handler.wfile.write(content)


def refuse(status: int) -> Behaviour:
    """An error instead of the file."""
    return lambda handler, _: handler.send_error(status)


def cut(handler: _Handler, content: bytes) -> None:
    """Half of the file, and the end of the connection."""
    handler.start(content)
    handler.wfile.write(content[: len(content) // 2])


def stall(handler: _Handler, content: bytes) -> None:
    """Half of the file, and then nothing more for a very long time."""
    cut(handler, content)
    handler.wfile.flush()
    time.sleep(300)


def say_nothing(*_: object) -> None:
    """Not even the first line of an answer for a very long time."""
    time.sleep(300)


def dribble(pieces: int, pause: float) -> Behaviour:
    """The whole file, little by little."""

    def behave(handler: _Handler, content: bytes) -> None:
        handler.start(content)
        for piece in range(pieces):
            time.sleep(pause)
            handler.wfile.write(content[len(content) * piece // pieces : len(content) * (piece + 1) // pieces])
            handler.wfile.flush()

    return behave


def damage(times: int = 1 << 30) -> Behaviour:
    """As many bytes as expected with one of them wrong; from the next time on, the file as it is."""
    left = [times]

    def behave(handler: _Handler, content: bytes) -> None:
        left[0] -= 1
        send(handler, content if left[0] < 0 else content[:-1] + bytes([content[-1] ^ 1]))

    return behave
