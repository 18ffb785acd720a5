"""Reads the answer from the bytes that a client gets, using only their JSON events and none of the code that wrote them.

Rule 1: text, calls and reasoning are assembled from deltas, as a streaming client does.
Rule 2: anything that violates the protocol raises AssertionError, or KeyError for a required member.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.protocols.translated.expected import Call, Choice, Citation

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Tokens:
    """Usage as OpenAI tells it: the parts are inside of their wholes."""

    input: int
    cached: int
    written: int
    output: int
    reasoning: int


@dataclass(frozen=True, slots=True)
class Understood:
    choices: tuple[Choice, ...]
    usage: Tokens | None = None
    sealed: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()
    searches: int = 0
    images: tuple[str, ...] = ()
    previews: tuple[str, ...] = ()
    error: str | None = None
    service_tier: str | None = None
    events: tuple[Json, ...] = field(default=(), compare=False)


def payloads(stream: bytes) -> list[str]:
    """The data of each frame. Every frame is whole, and has one line of data."""
    assert stream == b"" or stream.endswith(b"\n\n"), "the stream ends within a frame"
    found = []
    for block in stream.decode().split("\n\n")[:-1]:
        lines = [line for line in block.split("\n") if line.startswith("data: ")]
        assert len(lines) == 1, block
        found.append(lines[0].removeprefix("data: "))
    return found


# -- Responses ------------------------------------------------------------------------------------------------------------

_INCOMPLETE = {"max_output_tokens": "length", "content_filter": "content_filter"}


def of_responses(stream: bytes) -> Understood:
    result = payloads(stream)
    assert result[-1] == "[DONE]"
    events = tuple(json.loads(data) for data in result[:-1])
    closing = events[-1]
    if closing["type"] == "error":
        return Understood((Choice(),), error=closing["message"], events=events)
    response = closing["response"]
    texts: dict[str, list[str]] = defaultdict(list)
    thoughts: dict[tuple[int, int], str] = defaultdict(str)
    for event in events:
        if event["type"] == "response.reasoning_summary_text.delta":
            thoughts[event["output_index"], event["summary_index"]] += event["delta"]
        elif "delta" in event:
            texts[event["type"].removeprefix("response.")].append(event["delta"])
    error = [event["message"] for event in events if event["type"] == "error"]
    ended = [event for event in events if event["type"] == "response.output_item.done"]
    done = [event["item"] for event in sorted(ended, key=lambda event: event["output_index"])]
    calls = tuple(_call(item) for item in done if "call_id" in item)
    searched = [item["action"] for item in done if item["type"] == "web_search_call"]
    choice = Choice(
        text="".join(texts["output_text.delta"]),
        refusal="".join(texts["refusal.delta"]),
        thought=tuple(thoughts[place] for place in sorted(thoughts)),
        calls=calls,
        citations=tuple(
            _citation(event["annotation"])
            for event in events
            if event["type"] == "response.output_text.annotation.added"
        ),
        logprobs=_logprobs(event.get("logprobs") for event in events if event["type"] == "response.output_text.delta"),
        finish=_finish(response, calls=bool(calls)),
    )
    return Understood(
        (choice,),
        usage=_responses_tokens(response["usage"]),
        sealed=tuple(item["encrypted_content"] for item in done if item.get("encrypted_content")),
        queries=tuple(query for action in searched for query in action.get("queries", ()) if query),
        searches=len(searched),
        images=tuple(item["result"] for item in done if item["type"] == "image_generation_call"),
        previews=tuple(event["partial_image_b64"] for event in events if "partial_image_b64" in event),
        error=error[0] if error else None,
        service_tier=response["service_tier"],
        events=events,
    )


def _finish(response: Json, *, calls: bool) -> str:
    if response["status"] == "incomplete":
        return _INCOMPLETE[response["incomplete_details"]["reason"]]
    return "tool_calls" if calls else "stop"


def _call(item: Json) -> Call:
    if item["type"] == "custom_tool_call":
        return Call(item["call_id"], item["name"], item["input"], kind="custom")
    assert item["type"] == "function_call"
    return Call(item["call_id"], item["name"], item["arguments"])


def _citation(annotation: Json) -> Citation:
    assert annotation["type"] == "url_citation"
    return Citation(annotation["url"], annotation["title"], annotation["start_index"], annotation["end_index"])


def _logprobs(raw: Any) -> tuple[tuple[str, float], ...]:
    return tuple((token["token"], token["logprob"]) for tokens in raw for token in tokens or ())


def _responses_tokens(usage: Json | None) -> Tokens | None:
    if usage is None:
        return None
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    details = usage["input_tokens_details"]
    reasoning = usage["output_tokens_details"]["reasoning_tokens"]
    written = details["cache_write_tokens"]
    return Tokens(usage["input_tokens"], details["cached_tokens"], written, usage["output_tokens"], reasoning)


# -- Chat -----------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Heard:
    """One choice in the making."""

    texts: dict[str, str] = field(default_factory=lambda: defaultdict(str))
    calls: dict[int, Json] = field(default_factory=dict)
    annotations: list[Json] = field(default_factory=list)
    images: list[Json] = field(default_factory=list)
    logprobs: list[Any] = field(default_factory=list)
    sealed: list[str] = field(default_factory=list)
    deltas: int = 0
    finish: str | None = None

    def hear(self, choice: Json) -> None:
        assert self.finish is None, "a delta after the finish"
        delta = choice["delta"]
        assert ("role" in delta) == (self.deltas == 0), "the first delta is the role, and only that"
        self.deltas += 1
        for name in ("content", "refusal", "reasoning_content"):
            self.texts[name] += delta.get(name) or ""
        for call in delta.get("tool_calls", ()):
            self._hear_call(call)
        self.annotations += delta.get("annotations", ())
        self.images += delta.get("images", ())
        self.logprobs += (choice["logprobs"] or {}).get("content") or ()
        self.finish = choice["finish_reason"]

    def _hear_call(self, call: Json) -> None:
        index = call["index"]
        if index not in self.calls:
            assert index == len(self.calls), "calls are numbered in their order"
            self.calls[index] = {"id": call["id"], "type": call["type"], "name": call[call["type"]]["name"], "text": ""}
            sealed = call.get("extra_content", {}).get("realrouter", {}).get("reasoning", ())
            self.sealed += [sealed] if isinstance(sealed, str) else sealed
        else:
            assert call.keys() <= {"index", "function", "custom"}, "id and name come once"
        known = self.calls[index]
        known["text"] += call[known["type"]]["arguments" if known["type"] == "function" else "input"]

    def choice(self) -> Choice:
        citations = [{"type": note["type"], **note["url_citation"]} for note in self.annotations]
        thought = self.texts["reasoning_content"]
        return Choice(
            text=self.texts["content"],
            refusal=self.texts["refusal"],
            thought=(thought,) if thought else (),
            calls=tuple(
                Call(call["id"], call["name"], call["text"], kind=call["type"])
                for _, call in sorted(self.calls.items())
            ),
            citations=tuple(map(_citation, citations)),
            logprobs=_logprobs([self.logprobs]),
            finish=self.finish or "",
        )


def of_chat(stream: bytes) -> Understood:
    result = payloads(stream)
    chunks = tuple(json.loads(data) for data in result if data != "[DONE]")
    errors = [chunk["error"]["message"] for chunk in chunks if "error" in chunk]
    assert ("[DONE]" in result[:-1]) is False, "something comes after [DONE]"
    assert (result[-1] == "[DONE]") == (not errors), "an answer is done, or it is an error"
    heard: dict[int, _Heard] = defaultdict(_Heard)
    usages = []
    for chunk in chunks[: len(chunks) - len(errors)]:
        assert chunk["object"] == "chat.completion.chunk"
        for choice in chunk["choices"]:
            heard[choice["index"]].hear(choice)
        usages.append(chunk["usage"])
    assert all(usage is None for usage in usages[:-1]), "usage stands in the last chunk alone"
    found = [heard[index] for index in sorted(heard)]
    assert errors or sorted(heard) == list(range(len(found))), "a choice is left out"
    return Understood(
        tuple(each.choice() for each in found) or (Choice(finish=""),),
        usage=_chat_tokens(usages[-1] if usages else None),
        sealed=tuple(sealed for each in found for sealed in each.sealed),
        images=tuple(image["image_url"]["url"].partition(";base64,")[2] for each in found for image in each.images),
        error=errors[0] if errors else None,
        service_tier=chunks[-1].get("service_tier"),
        events=chunks,
    )


def _chat_tokens(usage: Json | None) -> Tokens | None:
    if usage is None:
        return None
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    details = usage["prompt_tokens_details"]
    reasoning = usage["completion_tokens_details"]["reasoning_tokens"]
    written = details.get("cache_write_tokens", 0)
    return Tokens(usage["prompt_tokens"], details["cached_tokens"], written, usage["completion_tokens"], reasoning)
