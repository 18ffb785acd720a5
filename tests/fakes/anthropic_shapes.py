"""A vendor that speaks Anthropic's Messages API (version 2023-06-01): it validates a request as Anthropic does, and answers it.

Law 1: it rejects what Anthropic rejects, with 400 in Anthropic's envelope; the message names the broken rule.
Law 2: usage figures are constants, written out here, so that tests compute bills by hand.
Law 3: answers have the shapes of recorded ones: every event is named, pings come in between, empty deltas come first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from tests.fakes.openai_shapes import event_stream, json_answer
from tests.fakes.upstream_script import Request, Script, Step
from tests.fakes.vendor_story import (
    PAUSE,
    SEARCH_BEFORE,
    SEARCH_CITED,
    SEARCH_QUERY,
    SEARCH_TITLE,
    SEARCH_URL,
    TELLTALE,
    TEXT,
    THOUGHT,
    BrokenRule,
    Json,
    arguments_for,
    cities_in,
    decoded,
    pieces,
    rule,
    sample,
    summary,
    told_of,
)

KEY = "sk-ant-api03-VENDORsecretVENDORsecret"
REQUEST_ID = "req_011CScripted"
SIGNATURE = "EqQBCkYIScriptedThinking=="
USAGE: Json = {
    "input_tokens": 100,
    "cache_creation_input_tokens": 30,
    "cache_read_input_tokens": 40,
    "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10},
    "output_tokens": 25,
    "service_tier": "standard",
}
"""Of each turn. Disjoint: 100 fresh, 40 read from the cache, 20 and 10 put there; 25 written, THINKING_TOKENS of them thought."""
THINKING_TOKENS = 10
STARTS_WITH = 60
"""Input tokens at the start of a stream that searches. The figure at its end includes the search results."""

_MEMBERS = {
    "model",
    "max_tokens",
    "messages",
    "system",
    "stream",
    "temperature",
    "top_p",
    "stop_sequences",
    "metadata",
    "service_tier",
    "thinking",
    "output_config",
    "tools",
    "tool_choice",
}
_BLOCKS = {
    "user": {"text", "image", "document", "tool_result"},
    "assistant": {"text", "thinking", "redacted_thinking", "tool_use", "server_tool_use", "web_search_tool_result"},
}


def anthropic_script(request: Request) -> Script:
    try:
        body = checked(request)
    except BrokenRule as broken:
        return anthropic_error(400, "invalid_request_error", f"{broken} {TELLTALE}")
    return answer_script(_answer(body), stream=body["stream"])


def anthropic_error(
    status: int, kind: str, message: str = f"Nothing came of it. {TELLTALE}", *, headers: Iterable[tuple[str, str]] = ()
) -> list[Step]:
    return json_answer(error_body(kind, message), status=status, headers=(("request-id", REQUEST_ID), *headers))


def error_body(kind: str, message: str = f"Nothing came of it. {TELLTALE}") -> Json:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": REQUEST_ID}


# -- The rules of the API ---------------------------------------------------------------------------------------------


def checked(request: Request) -> Json:
    """The body of a request that Anthropic takes. Raises BrokenRule."""
    rule((request.method, request.path) == ("POST", "/v1/messages"), "POST /v1/messages.")
    rule(request.header("x-api-key") is not None, "x-api-key is missing.")
    rule(request.header("authorization") is None, "There are two credentials.")
    rule(request.header("anthropic-version") == "2023-06-01", "anthropic-version is missing.")
    rule(request.header("content-type") == "application/json", "content-type is not JSON.")
    body: Json = request.json()
    rule(body.keys() <= _MEMBERS, f"{sorted(body.keys() - _MEMBERS)}: Extra inputs are not permitted.")
    rule(isinstance(body.get("model"), str) and bool(body["model"]), "model: Field required.")
    rule(type(body.get("max_tokens")) is int and body["max_tokens"] > 0, "max_tokens: Field required.")
    rule(
        isinstance(body.get("messages"), list) and bool(body["messages"]), "messages: at least one message is required."
    )
    body.setdefault("stream", False)
    _check_turns(body["messages"])
    _check_thinking(body)
    return body


def _check_turns(messages: list[Json]) -> None:
    asked: list[str] = []
    for number, message in enumerate(messages):
        role = ("user", "assistant")[number % 2]
        rule(message["role"] == role, f"messages.{number}: roles must alternate, the user's first.")
        blocks = message["content"]
        rule(isinstance(blocks, list) and bool(blocks), f"messages.{number}: content is empty.")
        for block in blocks:
            rule(block["type"] in _BLOCKS[role], f"messages.{number}: a {block['type']} block of {role}.")
            rule(block["type"] != "text" or bool(block["text"].strip()), f"messages.{number}: text must be non-empty.")
        answered = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        first = [block["type"] for block in blocks[: len(answered)]]
        rule(first == ["tool_result"] * len(answered), f"messages.{number}: tool_result blocks come first.")
        rule(sorted(answered) == sorted(asked), f"messages.{number}: each tool_use has its tool_result right after it.")
        asked = [block["id"] for block in blocks if block["type"] == "tool_use"]
    rule(not asked, "The last tool_use has no tool_result.")


def _check_thinking(body: Json) -> None:
    thinking = body.get("thinking", {"type": "disabled"})
    blocks = [block for message in body["messages"] for block in message["content"] if block["type"] == "thinking"]
    rule(all(block["signature"] == SIGNATURE for block in blocks), "Invalid signature in thinking block.")
    if thinking["type"] == "disabled":
        return
    if thinking["type"] == "enabled":
        rule(1024 <= thinking["budget_tokens"] < body["max_tokens"], "thinking.budget_tokens is out of bounds.")
        rule(body.get("temperature", 1) == 1, "temperature may only be set to 1 when thinking is enabled.")
        forced = body.get("tool_choice", {}).get("type") in ("any", "tool")
        rule(not forced, "Thinking may not be enabled when tool_choice forces tool use.")
        turns = [message["content"] for message in body["messages"] if message["role"] == "assistant"]
        called = bool(turns) and any(block["type"] == "tool_use" for block in turns[-1])
        rule(not called or turns[-1][0]["type"] == "thinking", "Expected `thinking`, but found `tool_use`.")


# -- The answer -------------------------------------------------------------------------------------------------------


def _answer(body: Json) -> Json:
    last = body["messages"][-1]["content"]
    functions = [tool for tool in body.get("tools", ()) if "input_schema" in tool]
    searches = any(tool.get("type") == "web_search_20250305" for tool in body.get("tools", ()))
    choice = body.get("tool_choice", {"type": "auto"})
    results = [block for block in last if block["type"] == "tool_result"]
    documents = [block for block in last if block["type"] == "document"]
    thinks = body.get("thinking", {}).get("type") in ("enabled", "adaptive")
    before = [thinking_block()] if thinks else []
    if results:
        told = told_of(_text_of(result.get("content", ())) for result in results)
        return message([*before, text_block(told)], body, thinks=thinks)
    if functions and choice["type"] != "none":
        calls = _calls(functions, choice, _text_of(last))
        return message([*before, *calls], body, "tool_use", thinks=thinks)
    if "format" in body.get("output_config", {}):
        made = sample(body["output_config"]["format"]["schema"])
        return message([text_block(msgspec.json.encode(made).decode())], body)
    if documents:
        return message([text_block(" ".join(_read(document) for document in documents))], body)
    if searches:
        return _searched(body)
    return message([*before, text_block(TEXT)], body, thinks=thinks)


def _calls(functions: list[Json], choice: Json, question: str) -> list[Json]:
    """One call for each city, unless only one is allowed."""
    named = [tool for tool in functions if tool["name"] == choice.get("name")] or functions
    tool = named[0]
    if tool["name"].startswith("json"):
        return [call_block(1, tool["name"], sample(tool["input_schema"]))]
    cities = cities_in(question)
    if choice.get("disable_parallel_tool_use"):
        cities = cities[:1]
    return [
        call_block(number, tool["name"], arguments_for(tool["input_schema"], city))
        for number, city in enumerate(cities, 1)
    ]


def _searched(body: Json) -> Json:
    """A search, or only its continuation if the turn was paused before."""
    last = body["messages"][-1]
    if last["role"] == "assistant":
        rule(last["content"][-1]["type"] == "server_tool_use", "A paused turn comes back as it was.")
        return message(search_blocks()[1:], body, searched=1)
    if PAUSE in _text_of(last["content"]):
        return message(search_blocks()[:1], body, "pause_turn", searched=0)
    return message(search_blocks(), body, searched=1)


def _text_of(blocks: Iterable[Json] | str) -> str:
    return blocks if isinstance(blocks, str) else " ".join(block["text"] for block in blocks if block["type"] == "text")


def _read(document: Json) -> str:
    source = document["source"]
    rule((source["type"], source["media_type"]) == ("base64", "application/pdf"), "The document is no inline PDF.")
    return summary(decoded(source["data"]))


def text_block(text: str) -> Json:
    return {"type": "text", "text": text}


def thinking_block() -> Json:
    return {"type": "thinking", "thinking": THOUGHT, "signature": SIGNATURE}


def call_block(number: int, name: str, arguments: Any) -> Json:
    return {"type": "tool_use", "id": call_id(number), "name": name, "input": arguments}


def call_id(number: int) -> str:
    return f"toolu_01ScriptedScriptedScrip{number}"


def search_blocks() -> list[Json]:
    """The search, its result, and a text that cites it."""
    found = {
        "type": "web_search_result",
        "title": SEARCH_TITLE,
        "url": SEARCH_URL,
        "encrypted_content": "Eo8B",
        "page_age": None,
    }
    cited = {
        "type": "web_search_result_location",
        "cited_text": SEARCH_CITED,
        "url": SEARCH_URL,
        "title": SEARCH_TITLE,
        "encrypted_index": "Eo9C",
    }
    tool_id = "srvtoolu_01Scripted"
    return [
        {"type": "server_tool_use", "id": tool_id, "name": "web_search", "input": {"query": SEARCH_QUERY}},
        {"type": "web_search_tool_result", "tool_use_id": tool_id, "content": [found]},
        {"type": "text", "text": SEARCH_BEFORE},
        {"type": "text", "text": SEARCH_CITED, "citations": [cited]},
    ]


def message(
    content: list[Json], body: Json, stop_reason: str = "end_turn", *, thinks: bool = False, searched: int | None = None
) -> Json:
    """A whole message. `searched` is the number of web searches, None if no search was offered."""
    usage = dict(USAGE)
    if thinks:
        usage["output_tokens_details"] = {"thinking_tokens": THINKING_TOKENS}
    if searched is not None:
        usage["server_tool_use"] = {"web_search_requests": searched, "web_fetch_requests": 0}
    return {
        "id": "msg_01Scripted",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": usage,
    }


# -- How it is sent ---------------------------------------------------------------------------------------------------


def answer_script(whole: Json, *, stream: bool) -> Script:
    headers = (("request-id", REQUEST_ID), ("anthropic-organization-id", "ACME-SECRET"))
    if stream:
        return event_stream(frames(whole), headers=headers)
    return json_answer(whole, headers=headers)


def frames(whole: Json) -> list[bytes]:
    """The events that stream a whole message."""
    usage = whole["usage"]
    searched = "server_tool_use" in usage
    told = {name: usage[name] for name in USAGE} | {"output_tokens": 1}
    if searched:
        told["input_tokens"] = STARTS_WITH
    first = {**whole, "content": [], "stop_reason": None, "usage": told}
    final = {name: value for name, value in usage.items() if name not in ("cache_creation", "service_tier")}
    made = [_frame({"type": "message_start", "message": first}), _frame({"type": "ping"})]
    for index, block in enumerate(whole["content"]):
        made += _block_frames(index, block)
    delta = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    made.append(_frame({"type": "message_delta", "delta": delta, "usage": final}))
    return [*made, _frame({"type": "message_stop"})]


def error_frame(kind: str) -> bytes:
    return _frame(error_body(kind))


def _block_frames(index: int, block: Json) -> list[bytes]:
    begun, deltas = _IN_PIECES.get(block["type"], _at_once)(block)
    return [
        _frame({"type": "content_block_start", "index": index, "content_block": begun}),
        *(_frame({"type": "content_block_delta", "index": index, "delta": delta}) for delta in deltas),
        _frame({"type": "content_block_stop", "index": index}),
    ]


_Told = tuple[Json, list[Json]]


def _text_told(block: Json) -> _Told:
    deltas: list[Json] = [{"type": "text_delta", "text": piece} for piece in pieces(block["text"])]
    cited = block.get("citations", [])
    deltas += [{"type": "citations_delta", "citation": citation} for citation in cited]
    return {"type": "text", "text": "", **({"citations": []} if cited else {})}, deltas


def _thinking_told(block: Json) -> _Told:
    deltas: list[Json] = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(block["thinking"])]
    return {**block, "thinking": "", "signature": ""}, [*deltas, {"type": "signature_delta", "signature": SIGNATURE}]


def _input_told(block: Json) -> _Told:
    text = msgspec.json.encode(block["input"]).decode()
    cut = ["", text[: len(text) // 2], text[len(text) // 2 :]]
    return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": piece} for piece in cut]


def _at_once(block: Json) -> _Told:
    return block, []


_IN_PIECES: dict[str, Callable[[Json], _Told]] = {
    "text": _text_told,
    "thinking": _thinking_told,
    "tool_use": _input_told,
    "server_tool_use": _input_told,
}


def _frame(event: Json) -> bytes:
    name: str = event["type"]
    return f"event: {name}\ndata: ".encode() + msgspec.json.encode(event) + b"\n\n"
