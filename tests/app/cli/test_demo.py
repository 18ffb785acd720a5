"""`realrouter demo` as a newcomer sees it: a process, a printed key, a free port, an orderly shutdown."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from openai import AuthenticationError, OpenAI

from app.ledger.codec import Codec
from app.services import open_ledger
from app.settings import load
from domain.events import RequestDebited
from tests.support.gateway.demo_process import Demo, demo, free_port
from tests.support.ledger.books import check_books
from tests.support.paths import ROOT

MODEL = "gpt-5.4-mini"


def ask(running: Demo, key: str | None = None) -> str:
    with OpenAI(api_key=key or running.key, base_url=running.base_url) as client:
        return client.responses.create(model=MODEL, input="Summarize this note in Chinese.").output_text


def sign_in(running: Demo, password: str | None = None) -> httpx.Response:
    given = {"email": running.first["email"], "password": password or running.first["password"]}
    return httpx.post(f"{running.base_url.removesuffix('/v1')}/api/session", json=given, trust_env=False, timeout=120)


def token_of(running: Demo) -> str:
    page, _, token = running.first["sign_in_url"].partition("#token=")
    assert page == f"{running.base_url.removesuffix('/v1')}/login"
    return str(token)


def follow_link(running: Demo) -> httpx.Response:
    """As the page at the link does."""
    address = f"{running.base_url.removesuffix('/v1')}/api/session/link"
    return httpx.post(address, json={"token": token_of(running)}, trust_env=False, timeout=120)


def test_the_first_line_is_what_scripts_need_and_each_request_prints_one(tmp_path: Path) -> None:
    with demo(tmp_path / "data", free_port()) as running:
        assert list(running.first) == ["base_url", "api_key", "account_id", "email", "password", "sign_in_url"]
        assert (running.first["account_id"], running.first["email"]) == ("demo", "demo@example.com")
        signed_in = sign_in(running)
        assert signed_in.status_code == 200, signed_in.text
        assert signed_in.json() == {"account_id": "demo", "email": "demo@example.com"}
        assert follow_link(running).json() == signed_in.json()
        assert follow_link(running).status_code == 401
        for number in range(2):
            assert ask(running)
            assert running.wait_for_lines(number + 1)[-1].startswith(f"{MODEL} ")
        assert running.stop() == 0
    assert {path.name for path in (tmp_path / "data").iterdir()} >= {
        "realrouter.toml",
        "realrouter.db",
        "realrouter.log",
    }
    ledger = open_ledger(load(tmp_path / "data" / "realrouter.toml"), Codec())
    settled = check_books(ledger, Codec())
    ledger.close()
    assert [type(event) for event in settled] == [RequestDebited] * 2
    log = (tmp_path / "data" / "realrouter.log").read_text()
    assert log.count('"event":"request"') == 2
    assert running.key not in log
    assert running.first["password"] not in log
    assert token_of(running) not in log
    assert "Summarize" not in log


def test_two_demos_at_once_take_two_ports(tmp_path: Path) -> None:
    port = free_port()
    with demo(tmp_path / "one", port) as first, demo(tmp_path / "two", port) as second:
        assert first.port == port
        assert second.port > port
        assert ask(first)
        assert ask(second)


def test_a_restart_continues_with_a_new_key_a_new_password_and_a_full_balance(tmp_path: Path) -> None:
    with demo(tmp_path, free_port()) as before:
        assert ask(before)
    with demo(tmp_path, free_port()) as after:
        assert after.key != before.key
        assert ask(after)
        with pytest.raises(AuthenticationError):
            ask(after, key=before.key)
        assert after.first["password"] != before.first["password"]
        assert sign_in(after, before.first["password"]).status_code == 401
        assert sign_in(after).status_code == 200
        assert "balance $9.99" in after.wait_for_lines(1)[-1]
    ledger = open_ledger(load(tmp_path / "realrouter.toml"), Codec())
    assert len(check_books(ledger, Codec())) == 2
    ledger.close()


def test_what_it_prints_for_people_works_as_printed(tmp_path: Path) -> None:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "demo", "--port", str(port), "--data-dir", str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        text = ""
        while "Ctrl+C" not in text:
            line = process.stdout.readline()
            assert line, text
            text += line
        curl = text.partition("\ncurl\n")[2].partition("\nPython\n")[0]
        done = subprocess.run(["sh", "-c", curl], capture_output=True, text=True, timeout=120, check=False)
        assert '"status":"completed"' in done.stdout.replace(" ", ""), done
        python = text.partition("\nPython\n")[2].partition("\nJavaScript\n")[0]
        source = "\n".join(line.removeprefix("  ") for line in python.splitlines())
        done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=120, check=False)
        assert done.stdout.strip(), done.stderr
        script = text.partition("\nJavaScript\n")[2].partition("\nBalance")[0]
        sdk = ROOT / "tests" / "sdk"
        node = ["node", "--input-type=module", "-"]
        done = subprocess.run(node, input=script, cwd=sdk, capture_output=True, text=True, timeout=120, check=False)
        assert done.stdout.strip(), done.stderr
        balance, checkout = text.partition("\nBalance")[2].partition("  curl ")[2].split("\n  curl ")
        for command, member in ((balance, "available_nanos"), (checkout.partition("\nEach request")[0], "url")):
            shell = ["sh", "-c", f"curl -s {command}"]
            done = subprocess.run(shell, capture_output=True, text=True, timeout=120, check=False)
            assert json.loads(done.stdout)[member], done
    finally:
        process.terminate()
        assert process.wait(120) == 0
        if process.stdout is not None:
            process.stdout.close()


def test_a_port_that_cannot_be_bound_and_a_folder_that_cannot_be_made_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "app.cli",
            "demo",
            "--port",
            str(free_port()),
            "--data-dir",
            str(tmp_path / "file" / "x"),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_a_demo_serves_what_a_load_balancer_asks_for(tmp_path: Path) -> None:
    with demo(tmp_path, free_port()) as running:
        origin = running.base_url.removesuffix("/v1")
        assert httpx.get(f"{origin}/healthz", trust_env=False).text == "ok"
        assert httpx.get(f"{origin}/readyz", trust_env=False).status_code == 200
        assert "realrouter_" in httpx.get(f"{origin}/metrics", trust_env=False).text
        assert httpx.get(f"{origin}/v1/models", trust_env=False).json()["object"] == "list"
