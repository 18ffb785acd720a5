"""A minimal client that puts load on a gateway from a separate process, so that its own cost is in no figure.

Rule 1: one thread, blocking writes, one selector; each connection has one request in progress and is kept alive.
Rule 2: an answer counts only if it is a 200 and ends as a complete answer does. Anything else ends the run.
Rule 3: the client counts how the bytes were divided, as far as it can see: reads from the socket, HTTP chunks, frames.

    python -m ops.bench.load '{"port": 8000, "connections": 16, "requests": 400, "stream": true}'     prints a Tally
    python -m ops.bench.load '{"port": 8000, "connections": 1000, "hold_frames": 5, "stream": true}'
        opens that many streams, prints "open" once each has received `hold_frames` frames, and holds them until stdin ends
"""

from __future__ import annotations

import selectors
import socket
import sys
import time

import msgspec

RECEIVE_BYTES = 65536
SILENCE_SECONDS = 60.0
PROMPT = "Say something about the sea. " + "x" * 900
_PATHS = {"responses": "/v1/responses", "chat": "/v1/chat/completions"}
_ENDS = {
    ("responses", True): b"response.completed",
    ("responses", False): b'"usage":{',
    ("chat", True): b"[DONE]",
    ("chat", False): b'"usage":{',
}


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The load. `requests` is the total over all connections."""

    port: int
    connections: int = 16
    requests: int = 0
    endpoint: str = "responses"
    stream: bool = False
    key: str = "sk-none"
    hold_frames: int = 0

    def request(self) -> bytes:
        """One request of about 1 kB, with the headers of an official SDK."""
        asked = (
            {"input": PROMPT} if self.endpoint == "responses" else {"messages": [{"role": "user", "content": PROMPT}]}
        )
        body = msgspec.json.encode({"model": "gpt-5.4-mini", "stream": self.stream, **asked})
        head = (
            f"POST {_PATHS[self.endpoint]} HTTP/1.1\r\nhost: 127.0.0.1:{self.port}\r\nauthorization: Bearer {self.key}\r\n"
            "accept: application/json\r\ncontent-type: application/json\r\naccept-encoding: gzip, deflate\r\n"
            "user-agent: OpenAI/Python 3.54.0\r\nx-stainless-lang: python\r\nx-stainless-package-version: 3.54.0\r\n"
            "x-stainless-os: Linux\r\nx-stainless-arch: x64\r\nx-stainless-runtime: CPython\r\n"
            "x-stainless-runtime-version: 3.11.0\r\nx-stainless-async: false\r\nx-stainless-retry-count: 0\r\n"
            f"connection: keep-alive\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        return head.encode("ascii") + body


class Tally(msgspec.Struct):
    """What the client saw, over all answers."""

    answers: int = 0
    seconds: float = 0.0
    body_bytes: int = 0
    reads: int = 0
    http_chunks: int = 0
    frames: int = 0


class Answer:
    """One HTTP answer, parsed from the socket's bytes."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._pending = bytearray()
        self._left: int | None = None
        """Remaining bytes of a body with a length; None if it is chunked."""
        self._begun = False
        self.frames = 0
        self.body = b""
        """The last part of the body, enough to check how it ends."""

    def feed(self, data: bytes) -> bool:
        """Whether the answer is complete now."""
        self._tally.reads += 1
        self._pending += data
        if not self._begun and not self._begin():
            return False
        return self._take_chunks() if self._left is None else self._take_length(self._left)

    def _begin(self) -> bool:
        end = self._pending.find(b"\r\n\r\n")
        if end < 0:
            return False
        status, *lines = bytes(self._pending[:end]).lower().split(b"\r\n")
        if b" 200 " not in status:
            raise SystemExit(f"unexpected answer: {bytes(self._pending)!r}")
        for line in lines:
            name, _, value = line.partition(b":")
            if name == b"content-length":
                self._left = int(value)
        del self._pending[: end + 4]
        self._begun = True
        return True

    def _take_length(self, left: int) -> bool:
        self._keep(bytes(self._pending))
        self._left = left - len(self._pending)
        self._pending.clear()
        return not self._left

    def _take_chunks(self) -> bool:
        while (end := self._pending.find(b"\r\n")) >= 0:
            size = int(self._pending[:end], 16)
            if len(self._pending) < end + size + 4:
                return False
            if not size:
                return True
            self._tally.http_chunks += 1
            self._keep(bytes(self._pending[end + 2 : end + 2 + size]))
            del self._pending[: end + size + 4]
        return False

    def _keep(self, data: bytes) -> None:
        frames = data.count(b"\n\n")
        self.frames += frames
        self._tally.frames += frames
        self._tally.body_bytes += len(data)
        self.body = (self.body + data)[-16384:]


class Client:
    """One connection with one request in progress."""

    def __init__(self, plan: Plan, tally: Tally) -> None:
        self._request = plan.request()
        self._end = _ENDS[plan.endpoint, plan.stream]
        self._tally = tally
        self.socket = socket.create_connection(("127.0.0.1", plan.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self) -> None:
        self.answer = Answer(self._tally)
        self.socket.sendall(self._request)

    def read(self) -> bool:
        """Whether the answer is complete now. Ends the run if it is wrong."""
        data = self.socket.recv(RECEIVE_BYTES)
        if not data:
            raise SystemExit("the server closed the connection before the answer was complete")
        if not self.answer.feed(data):
            return False
        if self._end not in self.answer.body:
            raise SystemExit(f"incomplete answer: {self.answer.body!r}")
        self._tally.answers += 1
        return True


def drive(plan: Plan) -> Tally:
    """Get `plan.requests` answers as fast as possible."""
    tally, selector = Tally(), selectors.DefaultSelector()
    started = time.monotonic()
    asked = min(plan.connections, plan.requests)
    for _ in range(asked):
        client = Client(plan, tally)
        selector.register(client.socket, selectors.EVENT_READ, client)
        client.ask()
    while tally.answers < plan.requests:
        for client in _readable(selector):
            if client.read() and asked < plan.requests:
                asked += 1
                client.ask()
    tally.seconds = time.monotonic() - started
    return tally


def hold(plan: Plan) -> None:
    """Open the streams, print "open" once all of them stream, and hold them until stdin ends."""
    tally, selector = Tally(), selectors.DefaultSelector()
    clients = []
    for _ in range(plan.connections):
        client = Client(plan, tally)
        clients.append(client)
        selector.register(client.socket, selectors.EVENT_READ, client)
        client.ask()
        _wait_for_frames(selector, client, plan.hold_frames)
    print("open", flush=True)
    sys.stdin.read()
    for client in clients:
        client.socket.close()


def _wait_for_frames(selector: selectors.BaseSelector, client: Client, frames: int) -> None:
    while client.answer.frames < frames:
        for ready in _readable(selector):
            if ready.read():
                raise SystemExit("a stream ended that should have been held open")


def _readable(selector: selectors.BaseSelector) -> list[Client]:
    ready = [key.data for key, _ in selector.select(SILENCE_SECONDS)]
    if not ready:
        raise SystemExit(f"nothing was received for {SILENCE_SECONDS:g} s")
    return ready


def main() -> None:
    plan = msgspec.json.decode(sys.argv[1], type=Plan)
    if plan.hold_frames:
        hold(plan)
    else:
        print(msgspec.json.encode(drive(plan)).decode(), flush=True)


if __name__ == "__main__":
    main()
