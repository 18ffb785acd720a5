"""Records what a real client sends: a server on 127.0.0.1 that answers with a script and keeps each request as a small file.

    python -m tests.support.clients.recording --out FOLDER --name NAME [--tool FUNCTION --arguments JSON] -- CLIENT ...

runs CLIENT with BASE_URL (".../v1") in its environment, and in its arguments for `{base_url}`, and writes its POST requests in
order to NAME-1.json, NAME-2.json, ... With --tool, the first answer calls that function (NAMESPACE.NAME for one in a namespace);
later answers are text.

What is kept: method, path, headers without credentials, body. Long texts are cut, and identifiers, machine paths and user names are
replaced, so that a file is the same on every machine.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Json = Any

LONGEST_TEXT = 400
"""Characters that are kept of a text; instructions and descriptions of tools are longer."""
CLIENT_SECONDS = 300
SECRET_HEADERS = frozenset({"authorization", "x-api-key", "cookie", "host", "content-length", "connection"})
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_SAMPLE_UUID = "00000000-0000-4000-8000-000000000000"


@dataclass
class Recorder:
    """`call`: the function that the first answer calls, and its arguments; None: every answer is text."""

    call: tuple[str, str] | None = None
    requests: list[dict[str, Json]] = field(default_factory=list)

    def take(self, method: str, path: str, headers: Mapping[str, str], body: Json) -> str | None:
        """Keep a request. Returns the stream that answers it, or None if it is not a completion."""
        kept = {name.lower(): value for name, value in headers.items() if name.lower() not in SECRET_HEADERS}
        self.requests.append({"method": method, "path": path, "headers": kept, "body": body})
        call = self.call if self._is_first() else None
        if path.endswith("/responses"):
            return responses_stream(call)
        return chat_stream(call) if path.endswith("/chat/completions") else None

    def _is_first(self) -> bool:
        return [each["method"] for each in self.requests].count("POST") == 1


def responses_stream(call: tuple[str, str] | None) -> str:
    """A whole answer of the Responses API as its stream: one function call, or the text "hello"."""
    if call is None:
        part = {"type": "output_text", "text": "hello", "annotations": [], "logprobs": []}
        item: dict[str, Json] = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
        item["content"] = [part]
        empty: dict[str, Json] = {"status": "in_progress", "content": []}
        place = {"content_index": 0}
        inner: list[tuple[str, dict[str, Json]]] = [
            ("response.content_part.added", place | {"part": part | {"text": ""}}),
            ("response.output_text.delta", place | {"delta": "hello", "logprobs": []}),
            ("response.output_text.done", place | {"text": "hello", "logprobs": []}),
            ("response.content_part.done", place | {"part": part}),
        ]
    else:
        namespace, _, name = call[0].rpartition(".")
        item = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": name, "arguments": call[1]}
        item |= {"status": "completed"} | ({"namespace": namespace} if namespace else {})
        empty = {"status": "in_progress", "arguments": ""}
        inner = [
            ("response.function_call_arguments.delta", {"delta": call[1]}),
            ("response.function_call_arguments.done", {"name": name, "arguments": call[1]}),
        ]
    answer = {"id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "recorded"}
    answer |= {"output": [item], "usage": {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}}
    begun = answer | {"status": "in_progress", "output": [], "usage": None}
    at = {"item_id": item["id"], "output_index": 0}
    events: list[dict[str, Json]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": item | empty},
        *({"type": name} | at | members for name, members in inner),
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": answer},
    ]
    return "".join(
        f"event: {event['type']}\ndata: {json.dumps(event | {'sequence_number': number})}\n\n"
        for number, event in enumerate(events)
    )


def chat_stream(call: tuple[str, str] | None) -> str:
    """A whole chat completion as its stream: one function call, or the text "hello"."""
    delta: dict[str, Json] = {"role": "assistant", "content": "hello"}
    if call is not None:
        function = {"name": call[0], "arguments": call[1]}
        delta = {
            "role": "assistant",
            "tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": function}],
        }
    head: dict[str, Json] = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "recorded"}
    finish = "stop" if call is None else "tool_calls"
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    chunks: list[dict[str, Json]] = [
        {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]},
        {"choices": [], "usage": usage},
    ]
    return "".join(f"data: {json.dumps(head | chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, recorder: Recorder, *args: Any) -> None:
        self.recorder = recorder
        super().__init__(*args)

    def do_GET(self) -> None:
        self.recorder.take("GET", self.path, dict(self.headers), None)
        self._answer(404, "application/json", '{"error": {"message": "not recorded", "type": "invalid_request_error"}}')

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        stream = self.recorder.take("POST", self.path, dict(self.headers), body)
        if stream is None:
            self._answer(
                404, "application/json", '{"error": {"message": "not found", "type": "invalid_request_error"}}'
            )
        else:
            self._answer(200, "text/event-stream", stream)

    def log_message(self, *_: object) -> None:
        """Nothing: the requests are the record."""

    def _answer(self, status: int, kind: str, text: str) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def portable(value: Json, folders: Sequence[str]) -> Json:
    """A value without what differs between machines and runs: folders, the user's name, identifiers; and with long texts cut."""
    if isinstance(value, dict):
        return {portable(name, folders): portable(member, folders) for name, member in value.items()}
    if isinstance(value, list):
        return [portable(member, folders) for member in value]
    if not isinstance(value, str):
        return value
    for folder in folders:
        value = value.replace(folder, "/home/user/project")
    value = _UUID.sub(_SAMPLE_UUID, value)
    value = re.sub(rf"\b{re.escape(getpass.getuser())}\b", "user", value)
    return value if len(value) <= LONGEST_TEXT else value[:LONGEST_TEXT] + " ..."


def record(
    command: Sequence[str], recorder: Recorder, environment: Mapping[str, str] | None = None
) -> tuple[list[Json], str]:
    """Run a client in an empty folder against `recorder`. Returns its POST requests, portable, and what it printed."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, recorder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base_url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        with tempfile.TemporaryDirectory() as folder:
            ran = subprocess.run(
                [part.replace("{base_url}", base_url) for part in command],
                cwd=folder,
                check=False,
                env={**os.environ, **(environment or {}), "BASE_URL": base_url},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=CLIENT_SECONDS,
            )
            set_by_caller = {**os.environ, **(environment or {})}
            folders = [folder, set_by_caller.get("CODEX_HOME") or folder, str(Path.home())]
            posted = [portable(each, folders) for each in recorder.requests if each["method"] == "POST"]
            return posted, ran.stdout + ran.stderr
    finally:
        server.shutdown()
        server.server_close()


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Record a client's requests.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--tool")
    parser.add_argument("--arguments", default="{}")
    parser.add_argument("client", nargs="+")
    given = parser.parse_args(arguments)
    recorder = Recorder((given.tool, given.arguments) if given.tool else None)
    posted, printed = record(given.client, recorder)
    sys.stderr.write(printed)
    for each in recorder.requests:
        print(each["method"], each["path"])
    for number, request in enumerate(posted, 1):
        (given.out / f"{given.name}-{number}.json").write_text(json.dumps(request, indent=1, ensure_ascii=False) + "\n")
    return 0 if posted else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
