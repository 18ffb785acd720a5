"""The differences between upstream protocols that settings depend on: tools, sizes, URLs, and who may fetch URLs.

Rule 1: the tables say what a protocol supports, not what an operator sells: a model offers the tools that it lists.
Rule 2: a model can list a tool if one of its upstreams supports it; the other upstreams are skipped for such requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from app.wire.exchange import Endpoint

Protocol = Literal["openai", "openai-chat", "anthropic", "gemini", "simulator"]
ENDPOINTS: tuple[Endpoint, ...] = ("responses", "chat")

MIB = 1 << 20
_CHAT_TOOLS = frozenset({"function", "custom", "web_search"})
_RESPONSES_TOOLS = _CHAT_TOOLS | {"image_generation"}
_NATIVE_TOOLS = frozenset({"namespace", "code_interpreter", "mcp", "computer_use", "tool_search"})


@dataclass(frozen=True, slots=True)
class Traits:
    """`responses_tools` are supported in addition if the model has the Responses endpoint.

    `request_bytes_max` is the largest request body, in bytes. `version` is the required end of a base URL, "" for any.
    `calls` is the URL that is called. `fetches_urls`: whether the upstream may be sent URLs to fetch.
    """

    tools: frozenset[str]
    responses_tools: frozenset[str] = frozenset()
    request_bytes_max: int = 100 * MIB
    fetches_urls: bool = True
    version: str = ""
    calls: str = ""


TRAITS: Mapping[str, Traits] = {
    "openai": Traits(_CHAT_TOOLS, _RESPONSES_TOOLS | _NATIVE_TOOLS),
    # It is usually in the operator's own network, and would fetch a client's URL from inside.
    "openai-chat": Traits(_CHAT_TOOLS, fetches_urls=False),
    "anthropic": Traits(
        frozenset({"function", "web_search"}), request_bytes_max=32 * MIB, version="/v1", calls="{base}/messages"
    ),
    "gemini": Traits(
        frozenset({"function", "web_search", "image_generation"}),
        request_bytes_max=100 * 10**6,
        version="/v1beta",
        calls="{base}/models/{model}:generateContent",
    ),
    "simulator": Traits(_CHAT_TOOLS, _RESPONSES_TOOLS),
}


def possible_tools(protocol: str, endpoints: tuple[str, ...]) -> frozenset[str]:
    """The tools that a model can have on an upstream of this protocol. `endpoints`: the OpenAI endpoints that it has there."""
    traits = TRAITS[protocol]
    return traits.tools | traits.responses_tools if "responses" in endpoints else traits.tools
