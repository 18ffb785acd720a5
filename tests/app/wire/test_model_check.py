"""A parsed request judged by what its model offers: what is refused, by which name, and in which order."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from app.wire.content import INLINE_BYTES_MAX
from app.wire.dialects import parse
from app.wire.exchange import Endpoint, ParsedRequest, RequestError
from app.wire.file_ref import StoredFile
from app.wire.model_check import check_model_offers, with_implied_search

IMAGE = {"type": "input_image", "image_url": "https://x.example/a.png"}
FILE = {"type": "input_file", "file_id": "file-1"}
SEARCH = {"type": "web_search"}
SERVER = {"type": "mcp", "server_label": "s", "server_url": "https://x.example/mcp"}


class Offered(NamedTuple):
    id: str = "m"
    tools: frozenset[str] = frozenset({"function", "mcp"})
    input_modalities: tuple[str, ...] = ("text", "image", "file")
    service_tiers: tuple[str, ...] = ("auto", "default")


def checked(*parts: dict[str, Any], model: Offered | None = None, size: int = 1, **more: Any) -> ParsedRequest:
    """A request to /v1/responses; its uploaded file has so many bytes."""
    body = {"model": "m", "input": [{"role": "user", "content": list(parts)}]} | more
    return against("responses", body, model or Offered(), size)


def against(endpoint: Endpoint, body: dict[str, Any], model: Offered, size: int = 1) -> ParsedRequest:
    stored = {"file-1": StoredFile("application/pdf", "a.pdf", "", size, 1)}
    return check_model_offers(parse(endpoint, json.dumps(body).encode()), model, stored)


def refusal(*parts: dict[str, Any], **more: Any) -> RequestError:
    with pytest.raises(RequestError) as caught:
        checked(*parts, **more)
    return caught.value


def test_what_the_model_offers_passes_unchanged() -> None:
    body = json.dumps({"model": "m", "input": "hi", "service_tier": "auto", "tools": [{"type": "function"}]}).encode()
    parsed = parse("responses", body)
    assert check_model_offers(parsed, Offered(), {}) is parsed


def test_the_addresses_in_tools_are_added_to_those_in_the_content() -> None:
    request = checked(IMAGE, tools=[SERVER])
    assert request.addresses == ("input[0].content[0].image_url", "tools[0].server_url")


def test_a_tool_that_is_not_offered_is_refused_by_its_type() -> None:
    error = refusal(tools=[{"type": "function"}, SEARCH])
    assert (error.param, error.code) == ("tools[1].type", "unsupported_tool")
    assert "'web_search'" in error.message
    assert "function, mcp" in error.message
    assert "none" in refusal(tools=[SEARCH], model=Offered(tools=frozenset())).message


@pytest.mark.parametrize(("part", "modality"), [(IMAGE, "image"), (FILE, "file")])
def test_input_that_is_not_offered_is_refused(part: dict[str, Any], modality: str) -> None:
    error = refusal(part, model=Offered(input_modalities=("text",)))
    assert (error.param, error.code) == ("input", "unsupported_input")
    assert f"{modality} input" in error.message


def test_on_chat_the_content_is_in_the_messages() -> None:
    part = {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}
    body = {"model": "m", "messages": [{"role": "user", "content": [part]}]}
    with pytest.raises(RequestError) as caught:
        against("chat", body, Offered(input_modalities=("text",)))
    assert caught.value.param == "messages"


def test_a_tier_that_is_not_offered_is_refused() -> None:
    error = refusal(service_tier="flex")
    assert (error.param, error.code) == ("service_tier", "unsupported_parameter")
    assert "auto, default" in error.message


def test_uploaded_files_count_as_content() -> None:
    assert checked(FILE, size=INLINE_BYTES_MAX).refs
    error = refusal(FILE, size=INLINE_BYTES_MAX + 1)
    assert (error.param, error.code, error.status) == ("input", "request_too_large", 413)


def test_what_is_wrong_first_is_reported() -> None:
    """A tool's type, its content, the input, the tier, the size."""
    nothing = Offered(tools=frozenset(), input_modalities=("text",))
    with_tools = nothing._replace(tools=frozenset({"file_search"}))
    with_input = Offered()
    search = {"type": "file_search", "vector_store_ids": ["vs_1"]}
    wrong: dict[str, Any] = {"service_tier": "flex", "size": INLINE_BYTES_MAX + 1}
    assert refusal(FILE, tools=[search], model=nothing, **wrong).param == "tools[0].type"
    assert refusal(FILE, tools=[search], model=with_tools, **wrong).param == "tools[0].vector_store_ids"
    assert refusal(FILE, model=nothing, **wrong).code == "unsupported_input"
    assert refusal(FILE, model=with_input, **wrong).param == "service_tier"


CACHED = SEARCH | {"external_web_access": False}
FUNCTION = {"type": "function", "name": "f"}


def test_a_namespace_need_not_be_listed_but_the_tools_in_it_must_be() -> None:
    assert checked(tools=[{"type": "namespace", "name": "n", "tools": [FUNCTION]}]).demand.tools >= {"function"}
    error = refusal(tools=[{"type": "namespace", "name": "n", "tools": [FUNCTION, {"type": "custom", "name": "c"}]}])
    assert (error.param, error.code) == ("tools[0].tools[1].type", "unsupported_tool")


@pytest.mark.parametrize("kind", ["web_search", "web_search_preview", "web_search_2025_08_26"])
@pytest.mark.parametrize(
    "choice",
    [
        *(None, "auto", "required", 5),
        {"type": "function", "name": "web_search"},
        {"type": ["web_search"], "tools": 5},
        {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "search"}, 5]},
        {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function"}]}},
    ],
)
def test_a_search_of_a_cache_is_left_out_if_the_model_offers_no_search(kind: str, choice: Any) -> None:
    request = checked(tools=[FUNCTION, CACHED | {"type": kind}], tool_choice=choice)
    assert request.omits_cached_search
    assert request.demand.tools == {"function"}
    assert [tool.name for tool in request.tools] == ["function"]


@pytest.mark.parametrize(
    ("tools", "choice"),
    [
        ([FUNCTION, CACHED], {"type": "web_search"}),
        ([FUNCTION, CACHED], {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "web_search"}]}),
        ([FUNCTION, CACHED], {"type": "allowed_tools", "allowed_tools": {"tools": [{"type": "web_search_preview"}]}}),
        ([CACHED], "required"),
        ([FUNCTION, CACHED | {"external_web_access": True}], None),
        ([FUNCTION, CACHED | {"external_web_access": 0}], None),
        ([FUNCTION, CACHED, SEARCH], None),
    ],
)
def test_a_search_that_is_required_or_live_is_refused(tools: Any, choice: Any) -> None:
    assert refusal(tools=tools, tool_choice=choice).code == "unsupported_tool"


def test_a_search_of_a_cache_stays_if_the_model_offers_search() -> None:
    request = checked(tools=[FUNCTION, CACHED], model=Offered(tools=frozenset({"function", "web_search"})))
    assert not request.omits_cached_search
    assert request.demand.tools == {"function", "web_search"}


@pytest.mark.parametrize(
    ("offered", "names", "implied"),
    [
        ({"web_search"}, ["gpt-5.4-mini", "gpt-4o-mini-search-preview-2025-03-11"], {"web_search"}),
        ({"web_search"}, ["gpt-5-search-api"], {"web_search"}),
        ({"web_search"}, ["gpt-5.4-mini"], set()),
        ({"function"}, ["gpt-5-search-api"], set()),
    ],
)
def test_a_model_that_always_searches_has_a_search_in_every_request(
    offered: set[str], names: list[str], implied: set[str]
) -> None:
    model = Offered(tools=frozenset(offered))
    request = with_implied_search(checked(model=model), model, names)
    assert request.demand.tools == implied
    assert request.tools == ()
