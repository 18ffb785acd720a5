"""Gateways before scripted vendors of every protocol, and one model to sell, with a price for everything.

A unit price here is a whole number of nanos, so that a bill can be reckoned in one's head.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.anthropic_shapes import anthropic_script
from tests.fakes.gemini_shapes import gemini_script
from tests.fakes.openai_vendor import openai_vendor_script
from tests.fakes.scripted_upstream import Request, Script, ScriptedUpstream, serve
from tests.support.gateway.gateway import MODEL, Gateway, running

Chooser = Callable[[Request], Script]

SOLD = "vendors/model"
PRICES = {"input": 3_000, "cached_input": 300, "cache_write": 3_750, "cache_write_1h": 6_000, "output": 15_000}
"""Nanos per token of SOLD."""
SEARCH_NANOS = 10_000_000
IMAGE_NANOS = 39_000_000

_SOLD = """
[[model]]
id = "{id}"
upstreams = {upstreams}
upstream_model = {upstream_model}
tools = {tools}
endpoints = {endpoints}
input = ["text", "image", "file"]
output = ["text", "image"]
context_window = 200000
max_output_tokens = 32000
[model.price]
input = "3"
cached_input = "0.3"
cache_write = "3.75"
cache_write_1h = "6"
output = "15"
web_search_call = "0.01"
image = "0.039"
"""


@dataclass(frozen=True)
class Vendor:
    """One kind of upstream. `version` ends its base URL; `images` is its model that makes them, None where it has none."""

    protocol: str
    script: Chooser
    model: str
    version: str = "/v1"
    images: str | None = None
    tools: tuple[str, ...] = ("function", "web_search")
    endpoints: tuple[str, ...] = ("responses", "chat")

    @property
    def every_tool(self) -> tuple[str, ...]:
        return (*self.tools, "image_generation") if self.images else self.tools


VENDORS: Mapping[str, Vendor] = {
    "openai": Vendor("openai", openai_vendor_script, "fake-model", images="fake-model"),
    "openai-responses": Vendor(
        "openai", openai_vendor_script, "fake-model", images="fake-model", endpoints=("responses",)
    ),
    "openai-chat": Vendor("openai-chat", openai_vendor_script, "fake-model", tools=("function",)),
    "anthropic": Vendor("anthropic", anthropic_script, "claude-haiku-4-5"),
    "gemini": Vendor(
        "gemini", gemini_script, "gemini-3.1-flash-lite", version="/v1beta", images="gemini-3-pro-image-preview"
    ),
}
"""`openai-responses` has no chat completions, `openai-chat` nothing else: each is translated to from the other endpoint."""


@asynccontextmanager
async def serving(
    vendor: Vendor, script: Chooser | None = None
) -> AsyncIterator[tuple[ScriptedUpstream, tuple[str, str]]]:
    """The vendor as a server of its own, with another script where one is given; and how the configuration names it."""
    async with serve(script or vendor.script) as upstream:
        yield upstream, (vendor.protocol, upstream.origin + vendor.version)


@asynccontextmanager
async def selling(
    folder: Path,
    *names: str,
    script: Chooser | None = None,
    scripts: Mapping[str, Chooser] | None = None,
    model: str | None = None,
    limits: Mapping[str, float] | None = None,
    billing: Mapping[str, object] | None = None,
) -> AsyncIterator[tuple[Gateway, Mapping[str, ScriptedUpstream]]]:
    """A gateway that sells SOLD, and the documentation's models, from these vendors in turn; and their servers by name.

    `script` is the first one's, `scripts` by name; `model` is the upstreams' name of the model, by default each has its own.
    """
    vendors = {name: VENDORS[name] for name in names}
    chosen = dict(scripts or {}) | ({names[0]: script} if script else {})
    first = vendors[names[0]]
    async with AsyncExitStack() as stack:
        served: dict[str, ScriptedUpstream] = {}
        addresses: dict[str, tuple[str, str]] = {}
        for name, vendor in vendors.items():
            served[name], addresses[name] = await stack.enter_async_context(serving(vendor, chosen.get(name)))
        tools = sorted({tool for vendor in vendors.values() for tool in vendor.every_tool})
        table = _SOLD.format(
            id=SOLD,
            upstreams=[*names],
            upstream_model=_named(vendors, model),
            tools=tools,
            endpoints=[*first.endpoints],
        )
        gateway = running(
            folder,
            upstreams=addresses,
            models=table.replace("'", '"'),
            upstream_model=model or first.model,
            limits=limits,
            billing=billing,
        )
        yield await stack.enter_async_context(gateway), served


def _named(vendors: Mapping[str, Vendor], model: str | None) -> str:
    """What the upstreams call SOLD, in TOML."""
    if model is not None:
        return f'"{model}"'
    return "{" + ", ".join(f'{name} = "{vendor.model}"' for name, vendor in vendors.items()) + "}"


@asynccontextmanager
async def answering(folder: Path, name: str) -> AsyncIterator[tuple[Gateway, str]]:
    """A gateway before a vendor, or before the simulator; and the model to ask for."""
    if name == "simulator":
        async with running(folder) as gateway:
            yield gateway, MODEL
    else:
        async with selling(folder, name) as (gateway, _):
            yield gateway, SOLD
