"""`realrouter serve` as a process: it serves its configuration, and shuts down in order on SIGTERM."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from app.ledger.codec import Codec
from app.services import open_ledger
from app.settings import parse
from domain.events import RequestReleased
from tests.support.gateway.demo_process import free_port
from tests.support.gateway.gateway import configuration, make_key, prepare, responses
from tests.support.ledger.books import check_books


@contextmanager
def serving(folder: Path, text: str) -> Iterator[subprocess.Popen[str]]:
    """The process, once it says that it serves."""
    path = folder / "realrouter.toml"
    path.write_text(text, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "serve", "--config", str(path)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stderr is not None
        while (line := process.stderr.readline()) and json.loads(line)["event"] != "serving":
            continue
        assert line, "it ended before it served"
        yield process
    finally:
        process.kill()
        process.wait(120)
        if process.stderr is not None:
            process.stderr.close()


def test_sigterm_finishes_releases_and_exits_0(tmp_path: Path) -> None:
    port = free_port()
    text = configuration(tmp_path, server={"bind": [f"127.0.0.1:{port}"]}, limits={"grace": 0.3})
    prepare(parse(text))
    ledger = open_ledger(parse(text), Codec())
    _, key = make_key(ledger, Codec())
    headers = {"authorization": f"Bearer {key}"}
    with serving(tmp_path, text) as process, httpx.Client(trust_env=False, timeout=120) as client:
        url = f"http://127.0.0.1:{port}/v1/responses"
        assert client.post(url, json=responses(), headers=headers).status_code == 200
        with client.stream("POST", url, json=responses("Hello", "stall_at=7", stream=True), headers=headers) as answer:
            lines = answer.iter_lines()
            while "output_text.delta" not in next(lines):
                continue
            process.send_signal(signal.SIGTERM)
            rest = "\n".join(lines)
        assert "shutting_down" in rest
        assert process.wait(120) == 0
        assert process.stderr is not None
        said = [json.loads(line) for line in process.stderr.read().splitlines()]
    settled = check_books(ledger, Codec())
    ledger.close()
    assert len(settled) == 2
    last = settled[-1]
    assert isinstance(last, RequestReleased)
    assert last.reason == "shutdown"
    assert "shutting down" in {line["event"] for line in said}
    outcomes = [line["outcome"] for line in said if line["event"] == "request"]
    assert outcomes == ["debited", "released:shutdown"]
    assert key not in json.dumps(said)


def test_a_port_that_is_taken_is_one_line_and_exit_1(tmp_path: Path) -> None:
    port = free_port()
    text = configuration(tmp_path, server={"bind": [f"127.0.0.1:{port}"]})
    prepare(parse(text))
    with serving(tmp_path, text):
        other = tmp_path / "other"
        other.mkdir()
        second = configuration(other, server={"bind": [f"127.0.0.1:{port}"]})
        prepare(parse(second))
        (other / "realrouter.toml").write_text(second, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", "serve", "--config", str(other / "realrouter.toml")],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert "in use" in done.stderr
