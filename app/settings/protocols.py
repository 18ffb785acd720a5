"""What the protocols of upstreams differ in, as far as settings depend on it: tools, sizes, addresses, who fetches URLs.

Rule 1: the tables say what a protocol can carry, not what an operator sells: a model offers the tools that it lists.
Rule 2: a tool is possible for a model where one of its upstreams can do it; upstreams that cannot are passed over.
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
_NATIVE_TOOLS = frozenset({"namespace", "code_interpreter", "mcp", "computer_use"})


@dataclass(frozen=True, slots=True)
class Traits:
    """`responses_tools` are possible in addition where the model has the Responses endpoint.

    `request_bytes_max` is the largest request body, in bytes. `version` is what a base URL ends in, "" for anything.
    `calls` is how an address is made of it. `fetches_urls`: whether the upstream may be sent URLs to fetch.
    """

    tools: frozenset[str]
    responses_tools: frozenset[str] = frozenset()
    request_bytes_max: int = 100 * MIB
    fetches_urls: bool = True
    version: str = ""
    calls: str = ""


TRAITS: Mapping[str, Traits] = {
    "openai": Traits(_CHAT_TOOLS, _RESPONSES_TOOLS | _NATIVE_TOOLS),
    # It stands in the operator's own network, as a rule: a URL of a client would be fetched from inside.
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
    """The tools that a model can have on an upstream of this protocol, where `endpoints` are OpenAI's that it has there."""
    traits = TRAITS[protocol]
    return traits.tools | traits.responses_tools if "responses" in endpoints else traits.tools
