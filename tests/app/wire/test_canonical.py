"""Canonical requests are compared without paths, and their fields are rejected by the client's own names."""

from __future__ import annotations

import pytest

from app.wire.canonical import (
    CanonicalRequest,
    FunctionTool,
    Message,
    Text,
    Tool,
    ToolChoice,
    ToolName,
    WebSearchTool,
    bare,
    unsupported_field,
    without_cached_search,
)
from app.wire.exchange import Endpoint


def request(at: str, text: str = "hi", endpoint: Endpoint = "chat") -> CanonicalRequest:
    return CanonicalRequest(endpoint, "m", (Message("user", (Text(text, at),), at=at),))


def test_requests_that_differ_only_in_paths_are_the_same_when_bare() -> None:
    assert request("a") != request("b")
    assert bare(request("a")) == bare(request("b"))
    assert bare(request("a")) != bare(request("a", "ho"))


@pytest.mark.parametrize(
    ("endpoint", "field", "param"),
    [
        ("chat", "max_output_tokens", "max_completion_tokens"),
        ("responses", "max_output_tokens", "max_output_tokens"),
        ("chat", "effort", "reasoning_effort"),
        ("responses", "effort", "reasoning.effort"),
        ("chat", "messages[0].name", "messages[0].name"),
    ],
)
def test_an_unsupported_field_has_the_clients_own_name(endpoint: Endpoint, field: str, param: str) -> None:
    error = unsupported_field(request("", endpoint=endpoint), field, "Use another.")
    assert (error.status, error.param, error.code) == (400, param, "unsupported_parameter")
    assert error.message == f"Unsupported parameter: '{param}'. Use another."


F, SEARCH = FunctionTool("f"), ToolName("web_search")
CACHED = WebSearchTool(external_access=False)


@pytest.mark.parametrize(
    ("tools", "choice", "kept", "then"),
    [
        ((F, CACHED), None, (F,), None),
        ((F, CACHED), ToolChoice("required"), (F,), ToolChoice("required")),
        (
            (F, CACHED),
            ToolChoice("auto", (ToolName("function", "f"), SEARCH)),
            (F,),
            ToolChoice("auto", (ToolName("function", "f"),)),
        ),
        ((F, CACHED), ToolChoice("auto", (SEARCH,)), (F,), ToolChoice("none")),
        ((F, CACHED), ToolChoice("required", (SEARCH,)), (F,), ToolChoice("required", (SEARCH,))),
        ((CACHED, WebSearchTool()), ToolChoice("auto", (SEARCH,)), (WebSearchTool(),), ToolChoice("auto", (SEARCH,))),
    ],
)
def test_a_search_of_a_cache_is_left_out_and_no_longer_chosen(
    tools: tuple[Tool, ...], choice: ToolChoice | None, kept: tuple[Tool, ...], then: ToolChoice | None
) -> None:
    given = CanonicalRequest("responses", "m", (), tools=tools, tool_choice=choice)
    found = without_cached_search(given)
    assert (found.tools, found.tool_choice) == (kept, then)
    assert without_cached_search(found) is found
