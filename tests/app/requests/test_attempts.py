"""Which upstream is asked, in which protocol, with which body, and what the client gets if none can be."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.requests.attempts import Attempts, Offer
from app.settings import parse as parse_settings
from app.wire.dialects import parse
from app.wire.exchange import Endpoint, RequestError
from app.wire.file_ref import StoredFile
from domain.catalog import Model
from domain.pricing import Bounds
from tests.support.gateway.gateway import MODEL, chat, configuration, responses

PDF = base64.b64encode(b"%PDF-1.4").decode()
STORED = {"file-1": StoredFile("application/pdf", "a.pdf", PDF, 8, 1)}
SEED = "0" * 32
MIB = 1 << 20


def model(*upstreams: str, endpoints: tuple[str, ...] = ("responses", "chat")) -> Model:
    settings = parse_settings(configuration(Path("/nowhere"), upstreams=dict.fromkeys(upstreams, "")))
    found = settings.catalog().model(MODEL)
    return Model(**{name: getattr(found, name) for name in Model.__slots__ if name != "endpoints"}, endpoints=endpoints)


def attempts(
    endpoint: Endpoint, body: dict[str, Any], *protocols: str, sizes: int = 100 * MIB, fetches: bool = True, **more: Any
) -> Attempts:
    """One upstream of each protocol, by its name."""
    return Attempts(
        parse(endpoint, json.dumps(body).encode()),
        model(*protocols, **more),
        {name: Offer(name, sizes, fetches) for name in protocols},
        STORED,
        Bounds(input_tokens=10_000, output_tokens=100),
        seed=SEED,
        created=7,
    )


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("endpoint", ["responses", "chat"])
@pytest.mark.parametrize("protocol", ["openai", "openai-chat", "anthropic", "gemini"])
def test_each_try_has_a_relay_of_its_own(endpoint: Endpoint, protocol: str, stream: bool) -> None:
    body = responses(stream=stream) if endpoint == "responses" else chat(stream=stream)
    made = attempts(endpoint, body, protocol).first
    assert made.relay() is not made.relay()
    assert made.model == MODEL


def test_upstreams_are_asked_in_order_each_in_its_own_protocol() -> None:
    made = list(attempts("responses", responses(), "anthropic", "openai", "gemini"))
    assert [(attempt.upstream, attempt.dialect) for attempt in made] == [
        ("anthropic", "anthropic"),
        ("openai", "responses"),
        ("gemini", "gemini"),
    ]
    assert "messages" in json.loads(made[0].body)
    assert "input" in json.loads(made[1].body)
    assert "contents" in json.loads(made[2].body)


@pytest.mark.parametrize("endpoint", ["responses", "chat"])
def test_the_limit_is_written_as_the_upstream_knows_it(endpoint: Endpoint) -> None:
    body = responses() if endpoint == "responses" else chat()
    made = list(attempts(endpoint, body, "openai-chat", "openai", endpoints=("chat",)))
    limits = [{name for name in json.loads(attempt.body) if name.startswith("max_")} for attempt in made]
    assert limits == [{"max_tokens"}, {"max_completion_tokens"}]


def test_an_upstream_that_cannot_carry_the_request_is_skipped() -> None:
    penalised = chat(presence_penalty=1.5)
    assert [attempt.upstream for attempt in attempts("chat", penalised, "anthropic", "openai")] == ["openai"]
    assert [attempt.upstream for attempt in attempts("chat", penalised, "openai", "anthropic")] == ["openai"]


def test_if_none_can_the_first_refusal_is_reported() -> None:
    with pytest.raises(RequestError) as caught:
        attempts("chat", chat(presence_penalty=1.5), "anthropic")
    assert (caught.value.param, caught.value.code) == ("presence_penalty", "unsupported_parameter")


def test_a_body_that_is_too_large_for_an_upstream_goes_to_the_next() -> None:
    large = responses(input="x" * 2000)
    with pytest.raises(RequestError) as caught:
        attempts("responses", large, "openai", sizes=1500)
    assert (caught.value.status, caught.value.code) == (413, "request_too_large")
    offers = {"openai": Offer("openai", 1500, True), "simulator": Offer("simulator", 3000, True)}
    made = Attempts(
        parse("responses", json.dumps(large).encode()),
        model("openai", "simulator"),
        offers,
        {},
        Bounds(input_tokens=10_000, output_tokens=1),
        seed=SEED,
        created=7,
    )
    assert made.first.upstream == "simulator"


def test_an_address_is_sent_only_to_upstreams_that_fetch_urls() -> None:
    part = {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}
    body = chat(messages=[{"role": "user", "content": [part]}])
    assert b"x.example" in attempts("chat", body, "openai-chat").first.body
    with pytest.raises(RequestError) as caught:
        attempts("chat", body, "openai-chat", fetches=False)
    assert caught.value.param == "messages[0].content[0].image_url.url"


@pytest.mark.parametrize("protocol", ["openai", "anthropic", "gemini"])
def test_an_uploaded_file_is_put_into_the_body(protocol: str) -> None:
    part = {"type": "input_file", "file_id": "file-1"}
    made = attempts("responses", responses(input=[{"role": "user", "content": [part]}]), protocol).first
    assert PDF.encode() in made.body
    assert b"file-1" not in made.body


def test_what_an_answer_echoes_does_not_keep_the_clients_body_alive() -> None:
    made = attempts("responses", responses(input="x" * 100_000, metadata={"a": "b"}), "anthropic").first
    echo = made.relay.keywords["fields"]  # type: ignore[attr-defined]
    assert "input" not in echo
    assert len(memoryview(echo["metadata"]).obj) < 100  # type: ignore[arg-type]


def reachable(root: object) -> Iterator[object]:
    """Everything that `root` keeps alive by its members."""
    todo, seen = [root], set()
    while todo:
        value = todo.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        yield value
        if isinstance(value, dict):
            todo += [*value, *value.values()]
        elif isinstance(value, list | tuple | set | frozenset):
            todo += value
        elif isinstance(value, msgspec.Struct):
            todo += [getattr(value, name) for name in value.__struct_fields__]
        else:
            todo += vars(value).values() if hasattr(value, "__dict__") else []
            todo += [getattr(value, name, None) for name in getattr(type(value), "__slots__", ())]
            todo.append(getattr(value, "__self__", None))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("endpoint", ["responses", "chat"])
@pytest.mark.parametrize("protocol", ["openai", "openai-chat", "anthropic", "gemini"])
def test_an_answer_does_not_keep_the_conversation_alive(endpoint: Endpoint, protocol: str, stream: bool) -> None:
    url, text = f"data:image/png;base64,{'A' * 20_000}", "words " * 4_000
    if endpoint == "chat":
        parts = [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": url}}]
        body = chat(messages=[{"role": "user", "content": parts}], stream=stream)
    else:
        parts = [{"type": "input_text", "text": text}, {"type": "input_image", "image_url": url}]
        body = responses(input=[{"role": "user", "content": parts}], stream=stream)
    relay = attempts(endpoint, body, protocol).first.relay()
    sizes = [len(value) for value in reachable(relay) if isinstance(value, str | bytes | bytearray)]
    assert max(sizes) < 20_000
