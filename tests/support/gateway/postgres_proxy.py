"""A TCP proxy in front of a PostgreSQL, for faults on the wire: lost replies and stalled servers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit

_COMMITTED = b"COMMIT\x00"
"""The tag of the server's CommandComplete."""


class PostgresProxy:
    """Passes bytes both ways until a fault is armed. `url` leads to the same database through the proxy.

    `cut_at`: cut the connection when the client sends these bytes. The server does not receive them.
    `after_commit`: cut it when the server reports a commit. The client does not receive the report.
    `stall`: from now on nothing from the server arrives, and no connection is closed.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        folder = parse_qs(parts.query)["host"][0]
        port = parse_qs(parts.query).get("port", ["5432"])[0]
        self._target = f"{folder}/.s.PGSQL.{port}"
        self._listener = socket.create_server(("127.0.0.1", 0))
        database = parts.path.lstrip("/")
        self.url = (
            f"postgresql://postgres@127.0.0.1:{self._listener.getsockname()[1]}/{database}"
            "?sslmode=disable&gssencmode=disable"
        )
        self.cut_at: bytes | None = None
        self.after_commit = self.stall = False
        self.cuts = 0
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.stall = False
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._hang_up(*self._open)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._target)
                self._open += [client, server]
                for source, sink, judge in ((client, server, self._asked), (server, client, self._said)):
                    threading.Thread(target=self._pass, args=(source, sink, judge), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, judge: Callable[[bytes], bool]) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if not judge(data):
                    self.cuts += 1
                    break
                if not (self.stall and judge == self._said):
                    sink.sendall(data)
        self._hang_up(source, sink)

    def _asked(self, data: bytes) -> bool:
        if self.cut_at is not None and self.cut_at in data:
            self.cut_at = None
            return False
        return True

    def _said(self, data: bytes) -> bool:
        if self.after_commit and _COMMITTED in data:
            self.after_commit = False
            return False
        return True

    @staticmethod
    def _hang_up(*sockets: socket.socket) -> None:
        for each in sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
