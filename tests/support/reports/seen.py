"""What a client sees of an answer, in the same terms for both protocols, streamed and plain."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.support.reports.cases import Run

Json = dict[str, Any]


@dataclass
class Seen:
    """`finish`: a chat finish reason, or None if the answer did not end. `broken`: it ended with an error after it had begun."""

    status: int
    raw: bytes
    text: str = ""
    reasoning: str = ""
    finish: str | None = None
    calls: list[Json] = field(default_factory=list)
    usage: Json | None = None
    error: Json | None = None
    broken: bool = False


def see(run: Run, status: int, raw: bytes) -> Seen:
    """Read an answer as a strict client does. Raises AssertionError if it breaks the rules of its protocol."""
    seen = Seen(status, raw)
    if status != 200:
        seen.error = json.loads(raw)["error"]
        return seen
    if run.mode == "plain":
        body = json.loads(raw)
        _completion(seen, body) if run.endpoint == "chat" else _response(seen, body)
        return seen
    frames = [line.removeprefix("data: ") for line in raw.decode().split("\n") if line.startswith("data: ")]
    done = frames[-1:] == ["[DONE]"]
    events = [json.loads(frame) for frame in (frames[:-1] if done else frames)]
    if run.endpoint == "chat":
        _chunks(seen, events)
        assert done or seen.broken, "a stream without an error ends with [DONE]"
        assert not (done and seen.broken), "an answer that failed is not done"
    else:
        _events(seen, events)
    return seen


def _chunks(seen: Seen, chunks: list[Json]) -> None:
    calls: dict[int, Json] = {}
    for chunk in chunks:
        if "error" in chunk:
            seen.error, seen.broken = chunk["error"], True
            return
        for choice in chunk["choices"]:
            delta = choice.get("delta") or {}
            seen.text += delta.get("content") or ""
            seen.reasoning += delta.get("reasoning_content") or delta.get("reasoning") or ""
            for call in delta.get("tool_calls") or ():
                _call_delta(calls, call)
            reason = choice.get("finish_reason")
            assert reason is None or (isinstance(reason, str) and reason), f"not a finish reason: {reason!r}"
            seen.finish = reason or seen.finish
        if chunk.get("usage"):
            seen.usage = _chat_usage(chunk["usage"])
    seen.calls = [calls[index] for index in sorted(calls)]


def _call_delta(calls: dict[int, Json], call: Json) -> None:
    """As the OpenAI SDKs accumulate: by index, the name once, the arguments as text."""
    function = call.get("function") or {}
    known = calls.setdefault(call["index"], {"id": call.get("id"), "name": "", "arguments": ""})
    known["name"] += function.get("name") or ""
    known["arguments"] += function.get("arguments") or ""


def _completion(seen: Seen, body: Json) -> None:
    choice = body["choices"][0]
    message = choice["message"]
    seen.text = message.get("content") or ""
    seen.reasoning = message.get("reasoning_content") or message.get("reasoning") or ""
    seen.finish = choice["finish_reason"]
    seen.calls = [
        {"id": call["id"], "name": call["function"]["name"], "arguments": call["function"]["arguments"]}
        for call in message.get("tool_calls") or ()
    ]
    seen.usage = _chat_usage(body["usage"]) if body.get("usage") else None


def _events(seen: Seen, events: list[Json]) -> None:
    streamed_items: list[Json] = []
    for event in events:
        match event.get("type"):
            case "response.output_text.delta":
                seen.text += event["delta"]
            case "response.output_item.done":
                streamed_items.append(event["item"])
            case "error":
                seen.error, seen.broken = event, True
            case "response.failed":
                seen.error, seen.broken = seen.error or event["response"]["error"], True
            case "response.completed" | "response.incomplete":
                assert not seen.broken, "an answer that failed is not complete"
                streamed, seen.text = seen.text, ""
                _response(seen, event["response"])
                assert seen.text == streamed, "the last event repeats what was streamed"
                known = _named(streamed_items)
                assert all(item in known for item in _named(event["response"]["output"])), "and its items"
            case _:
                pass


def _named(items: list[Json]) -> list[Json]:
    """The members of items by which a client knows them."""
    return [{name: item.get(name) for name in ("type", "id", "call_id", "name", "arguments")} for item in items]


def _response(seen: Seen, body: Json) -> None:
    for item in body["output"]:
        if item["type"] == "message":
            seen.text += "".join(part.get("text", "") for part in item["content"])
        elif item["type"] == "reasoning":
            parts = [*(item.get("summary") or ()), *(item.get("content") or ())]
            seen.reasoning += "".join(part.get("text", "") for part in parts)
        elif item["type"] == "function_call":
            named = {"namespace": item["namespace"]} if item.get("namespace") else {}
            seen.calls.append({"id": item["call_id"], "name": item["name"], "arguments": item["arguments"]} | named)
    if body["status"] == "completed":
        seen.finish = "tool_calls" if seen.calls else "stop"
    elif body["status"] == "incomplete":
        reason = body["incomplete_details"]["reason"]
        seen.finish = {"max_output_tokens": "length"}.get(reason, reason)
    seen.usage = _responses_usage(body["usage"]) if body.get("usage") else None


def _chat_usage(usage: Json) -> Json:
    inside, outside = usage.get("prompt_tokens_details") or {}, usage.get("completion_tokens_details") or {}
    return {
        "input": usage["prompt_tokens"],
        "cached": inside.get("cached_tokens") or 0,
        "output": usage["completion_tokens"],
        "reasoning": outside.get("reasoning_tokens") or 0,
    }


def _responses_usage(usage: Json) -> Json:
    inside, outside = usage.get("input_tokens_details") or {}, usage.get("output_tokens_details") or {}
    return {
        "input": usage["input_tokens"],
        "cached": inside.get("cached_tokens") or 0,
        "output": usage["output_tokens"],
        "reasoning": outside.get("reasoning_tokens") or 0,
    }
