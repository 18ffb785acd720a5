"""What the settings allow to each protocol of an upstream."""

from __future__ import annotations

import pytest

from app.settings import Settings, parse
from app.settings.errors import SettingsError
from app.settings.protocols import TRAITS

BASES = {
    "openai": "https://api.openai.com/v1",
    "openai-chat": "https://vllm.example/v1",
    "anthropic": "https://api.anthropic.com/v1",
    "gemini": "https://generativelanguage.googleapis.com/v1beta",
    "simulator": "",
}
MIB = 1 << 20


def configured(
    protocol: str, *, base: str | None = None, upstream: str = "", model: str = "", price: str = ""
) -> Settings:
    url = BASES[protocol] if base is None else base
    address = f'base_url = "{url}"\n' if url else ""
    text = (
        f'[[upstream]]\nname = "u"\nprotocol = "{protocol}"\n{address}{upstream}'
        f'[[model]]\nid = "m"\nupstreams = ["u"]\ncontext_window = 100\nmax_output_tokens = 10\n{model}'
        f'[model.price]\ninput = "1"\noutput = "2"\nweb_search_call = "0"\nimage = "0"\n{price}'
    )
    return parse(text, environ={})


def refused(protocol: str, **parts: str) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        configured(protocol, **parts)
    return caught.value


def test_every_protocol_that_may_be_configured_has_its_traits() -> None:
    assert set(BASES) == set(TRAITS)
    for protocol in BASES:
        assert configured(protocol).upstreams[0].protocol == protocol


@pytest.mark.parametrize(
    ("protocol", "size", "fetches"),
    [
        ("openai", 100 * MIB, True),
        ("openai-chat", 100 * MIB, False),
        ("anthropic", 32 * MIB, True),
        ("gemini", 100_000_000, True),
        ("simulator", 100 * MIB, True),
    ],
)
def test_what_an_upstream_does_not_say_is_as_its_protocol_has_it(protocol: str, size: int, fetches: bool) -> None:
    plain = configured(protocol).upstreams[0]
    assert (plain.request_bytes_max, plain.fetches_urls) == (size, fetches)
    own = configured(
        protocol, upstream=f"max_request_bytes = 2048\nfetch_urls = {str(not fetches).lower()}\n"
    ).upstreams[0]
    assert (own.request_bytes_max, own.fetches_urls) == (2048, not fetches)


@pytest.mark.parametrize("value", ["1023", '"1"', "true"])
def test_a_request_size_is_a_number_of_bytes(value: str) -> None:
    error = refused("gemini", upstream=f"max_request_bytes = {value}\n")
    assert (error.line, error.key) == (5, "upstream[0].max_request_bytes")


@pytest.mark.parametrize(
    ("protocol", "base", "hint"),
    [
        ("anthropic", "https://api.anthropic.com", "must end in /v1: requests go to {base}/messages"),
        ("anthropic", "https://api.anthropic.com/v1/messages", "must end in /v1:"),
        (
            "gemini",
            "https://generativelanguage.googleapis.com/v1",
            "must end in /v1beta: requests go to {base}/models/{model}:",
        ),
    ],
)
def test_a_base_url_ends_in_the_version_that_is_spoken(protocol: str, base: str, hint: str) -> None:
    error = refused(protocol, base=base)
    assert (error.line, error.key) == (4, "upstream[0].base_url")
    assert hint in error.message


@pytest.mark.parametrize("protocol", ["anthropic", "gemini", "openai-chat"])
def test_a_slash_behind_a_base_url_is_no_matter(protocol: str) -> None:
    configured(protocol, base=BASES[protocol] + "/")


@pytest.mark.parametrize(
    ("protocol", "tools"),
    [
        ("openai", ["function", "web_search", "image_generation"]),
        ("openai-chat", ["function", "web_search"]),
        ("anthropic", ["function", "web_search"]),
        ("gemini", ["function", "web_search", "image_generation"]),
        ("simulator", ["function", "web_search", "image_generation"]),
    ],
)
def test_a_model_lists_tools_that_its_upstream_can_do(protocol: str, tools: list[str]) -> None:
    (model,) = configured(protocol, model=f"tools = {tools}\n").catalog()
    assert model.tools == set(tools)


@pytest.mark.parametrize(
    ("protocol", "tool", "endpoints"),
    [
        ("openai", "file_search", "both"),
        ("openai", "shell", "both"),
        ("openai", "mcp", "chat"),
        ("openai", "namespace", "chat"),
        ("openai", "code_interpreter", "chat"),
        ("openai", "computer_use", "chat"),
        ("openai", "image_generation", "chat"),
        ("openai-chat", "image_generation", "both"),
        ("openai-chat", "mcp", "both"),
        ("anthropic", "custom", "both"),
        ("anthropic", "image_generation", "both"),
        ("gemini", "custom", "both"),
        ("simulator", "mcp", "both"),
        ("simulator", "file_search", "both"),
    ],
)
def test_a_tool_that_no_upstream_of_the_model_can_do_is_an_error(protocol: str, tool: str, endpoints: str) -> None:
    only = 'endpoints = ["chat"]\n' if endpoints == "chat" else ""
    error = refused(protocol, model=f'{only}tools = ["function", "{tool}"]\n')
    assert error.key == "model[0].tools[1]"
    assert repr(tool) in error.message
    assert "function" in error.message


def test_one_upstream_that_can_do_a_tool_is_enough() -> None:
    text = "".join(
        f'[[upstream]]\nname = "{name}"\nprotocol = "{name}"\nbase_url = "{BASES[name]}"\n'
        for name in ("anthropic", "openai")
    )
    text += '[[model]]\nid = "m"\nupstreams = ["anthropic", "openai"]\ntools = ["image_generation"]\n'
    text += 'context_window = 9\nmax_output_tokens = 9\nprice = { input = "1", output = "2", image = "0" }\n'
    assert parse(text, environ={}).catalog().model("m").tools == {"image_generation"}


@pytest.mark.parametrize(
    ("given", "endpoints"),
    [
        ("", ("responses", "chat")),
        ('endpoints = ["responses"]\n', ("responses",)),
        ('endpoints = ["chat"]\n', ("chat",)),
        ('endpoints = ["chat", "responses", "chat"]\n', ("responses", "chat")),
    ],
)
def test_a_model_says_which_of_the_two_endpoints_its_upstreams_have(given: str, endpoints: tuple[str, ...]) -> None:
    assert configured("openai", model=given).catalog().model("m").endpoints == endpoints


@pytest.mark.parametrize(("given", "key"), [("[]", "model[0].endpoints"), ('["files"]', "model[0].endpoints[0]")])
def test_a_model_has_an_endpoint(given: str, key: str) -> None:
    assert refused("openai", model=f"endpoints = {given}\n").key == key
