"""The other snippets of the website's documentation, exactly as printed there, run against one gateway."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.docs import snippets
from tests.support.gateway.demo_process import Demo, demo, free_port
from tests.support.paths import ROOT

PNG = b"\x89PNG\r\n\x1a\n"
PAGES = sorted((ROOT / "web/components/docs").rglob("*.tsx")) + sorted((ROOT / "web/app").rglob("*.tsx"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo(tmp_path_factory.mktemp("pages"), free_port()) as running:
        yield running


@pytest.fixture(scope="module")
def answer(served: Demo) -> str:
    """The quickstart's output."""
    return snippets.quickstart_python(served).strip()


def newest(served: Demo) -> dict[str, object]:
    """The newest row of the account's statement, once all requests are settled."""
    headers = {"authorization": f"Bearer {served.key}"}
    origin = served.base_url.removesuffix("/v1")
    rows = httpx.get(f"{origin}/api/transactions", headers=headers, params={"limit": 1}, trust_env=False).json()["data"]
    row: dict[str, object] = rows[0]
    return row


def test_the_quickstart_with_curl(served: Demo, answer: str) -> None:
    [message] = json.loads(snippets.shell("quickstart.sh", served))["output"]
    assert message["content"][0]["text"] == answer


def test_chat_completions(served: Demo, answer: str, tmp_path: Path) -> None:
    assert snippets.python("chat.py", served, folder=tmp_path).strip() == answer
    assert snippets.node("chat.mjs", served=served).strip() == answer
    [choice] = json.loads(snippets.shell("chat.sh", served))["choices"]
    assert choice["message"]["content"] == answer


def test_models_and_their_prices(served: Demo, tmp_path: Path) -> None:
    lines = snippets.python("models.py", served, folder=tmp_path)
    assert "gpt-5.4-mini 0.00000025 0.000002\n" in lines
    assert snippets.node("models.mjs", served=served) == lines
    listed = json.loads(snippets.shell("models.sh", served))["data"]
    assert [model["id"] for model in listed] == [line.split()[0] for line in lines.splitlines()]


def test_web_search_with_python(served: Demo, tmp_path: Path) -> None:
    output = snippets.web_search(served)
    assert snippets.python("web_search.py", served, folder=tmp_path).strip() == output[-1]["content"][0]["text"]


def test_function_calling_with_python(served: Demo, tmp_path: Path) -> None:
    output = snippets.python("function_calling.py", served, folder=tmp_path, before=snippets.GET_WEATHER_PYTHON)
    assert "city is Toronto, celsius is 21" in output


def test_a_pdf_with_python(served: Demo, tmp_path: Path) -> None:
    snippets.write_pdf(tmp_path)
    assert f"{snippets.PDF_PAGES} pages" in snippets.python("pdf_input.py", served, folder=tmp_path)


def test_an_image_is_written_to_a_file(served: Demo, tmp_path: Path) -> None:
    snippets.python("image_generation.py", served, folder=tmp_path)
    assert (tmp_path / "icon.png").read_bytes().startswith(PNG)
    shows = "[...await (await import('node:fs/promises')).readFile('icon.png')]"
    source = "".join(snippets.snippet(name, served) for name in ("image_generation.mjs", "save_image.mjs"))
    source = f"process.chdir({json.dumps(str(tmp_path))});\n{source}"
    (tmp_path / "icon.png").unlink()
    assert bytes(snippets.javascript(source, served, shows=shows)).startswith(PNG)


def test_streams_print_the_answer_as_it_arrives_and_its_tokens(served: Demo, answer: str, tmp_path: Path) -> None:
    form = re.compile(rf"{re.escape(answer)}\n ?\d+ tokens\n")
    assert form.fullmatch(snippets.python("streaming.py", served, folder=tmp_path))
    assert form.fullmatch(snippets.node("streaming.mjs", served=served))
    frames = snippets.shell("streaming.sh", served)
    assert "event: response.output_text.delta\n" in frames
    assert frames.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize(
    ("name", "stream", "stalled"),
    [
        ("cancellation.py", "stream=True,", 'stream=True, metadata={"simulator": "stall_at=8"},'),
        ("cancellation.mjs", "stream: true,", 'stream: true, metadata: {simulator: "stall_at=8"},'),
    ],
)
def test_leaving_a_stream_costs_nothing(served: Demo, name: str, stream: str, stalled: str) -> None:
    """The answer stalls and would never end, so the simulator's speed does not matter."""
    known = len(served.lines)
    snippets.changed(name, served, change=(stream, stalled))
    while "-> released (cancelled)" not in "".join(served.lines[known:]):  # lines of earlier requests may still arrive
        served.wait_for_lines(len(served.lines) + 1)
    row = newest(served)
    assert (row["kind"], row["amount_nanos"]) == ("release", "0")


def test_errors_print_their_code_and_the_id_of_the_request(served: Demo, tmp_path: Path) -> None:
    form = re.compile(r"400 model_not_found model req_\w+\n")
    assert form.fullmatch(snippets.python("errors.py", served, folder=tmp_path))
    assert form.fullmatch(snippets.node("errors.mjs", served=served))
    head, _, body = snippets.shell("errors.sh", served).replace("\r\n", "\n").partition("\n\n")
    assert head.startswith("HTTP/1.1 400")
    assert re.search(r"^x-request-id: req_\w+$", head, re.MULTILINE)
    assert json.loads(body)["error"]["code"] == "model_not_found"


def test_a_repeat_under_the_same_key_costs_nothing_more(served: Demo, answer: str, tmp_path: Path) -> None:
    form = re.compile(rf"{re.escape(answer)}\nidempotency_key_used req_\w+ debited\n")
    for ran in (
        snippets.python("idempotency.py", served, folder=tmp_path),
        snippets.node("idempotency.mjs", served=served),
    ):
        assert form.fullmatch(ran)
    assert json.loads(snippets.shell("idempotency.sh", served))["status"] == "completed"
    assert json.loads(snippets.shell("idempotency.sh", served))["error"]["code"] == "idempotency_key_used"


def test_the_remaining_rate_is_read(served: Demo, answer: str, tmp_path: Path) -> None:
    output = snippets.python("limits.py", served, folder=tmp_path)
    assert output == f"None requests left in this minute\n{answer}\n"  # the demo's key has no limits
    assert snippets.node("limits.mjs", served=served) == output.replace("None", "null")


def test_a_receipt_has_the_lines_of_the_charge(served: Demo, tmp_path: Path) -> None:
    output = snippets.python("receipt.py", served, folder=tmp_path)
    assert output == snippets.node("receipt.mjs", served=served)
    assert "input 11 x 0.00000025 = 0.00000275\n" in output
    assert output.endswith("charged 0.00009875 of 0.0083365 held\n")
    row = newest(served)
    receipt = json.loads(snippets.shell("receipt.sh", served, names={"REQUEST_ID": str(row["id"])}))
    assert (receipt["id"], receipt["state"]) == (row["id"], "debited")


def test_the_account_is_read_with_a_key(served: Demo, answer: str) -> None:
    decoder, output, found = json.JSONDecoder(), snippets.shell("account.sh", served), []
    while output:
        value, end = decoder.raw_decode(output)
        found.append(value)
        output = output[end:].lstrip()
    balance, usage, transactions = found
    assert balance["available"].startswith("9.")
    assert "gpt-5.4-mini" in json.dumps(usage)
    assert 1 <= len(transactions["data"]) <= 5


def test_the_events_of_the_account_begin_with_its_balance(served: Demo, answer: str) -> None:
    output = snippets.node("events.mjs", served=served)
    [balance] = re.findall(r"^data: (.*)$", output, re.MULTILINE)
    assert json.loads(balance)["available"].startswith("9.")


# The snippets shown and the snippets tested are the same files


def test_every_snippet_is_shown_and_runs_here() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_snippets*.py"))
    tests += (ROOT / "tests/support/docs/snippets.py").read_text(encoding="utf-8")
    shown = "".join(path.read_text(encoding="utf-8") for path in PAGES)
    files = {path.name for path in snippets.FOLDER.iterdir()}
    assert {name for name in files if f'"{name}"' not in tests} == set()
    assert {name for name in files if f'"{name}"' not in shown} == set()
