"""Writes an answer in the chat completions protocol: one JSON object, or the chunks of a stream.

Rule 1: the first delta of a choice is its role, its last chunk has the finish_reason; the choices' chunks alternate.
Rule 2: a tool call's id and name come once, in its first delta; later deltas add arguments, by index.
        Legacy functions get a legacy answer: one function_call without an id.
Rule 3: with include_usage, every chunk has `usage: null`, and one more, without choices, has the usage. Then [DONE].
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from app.upstream.simulator import tokens
from app.upstream.simulator.answer import Call, Choice, Citation, SimulatedRefusal, Text, Usage
from app.upstream.simulator.reply import DONE, Reply, encode, envelope, failure
from app.upstream.simulator.request import Json


def body(reply: Reply) -> bytes:
    usage = reply.answer.usage
    choices = [_choice(reply, number, choice) for number, choice in enumerate(reply.answer.choices)]
    completion = {**_head(reply, "chat.completion"), "choices": choices, **({"usage": _usage(usage)} if usage else {})}
    return encode(completion)


def frames(reply: Reply) -> Iterator[bytes]:
    for chunk in chunks(reply):
        yield b"data: %b\n\n" % encode(chunk)
    yield DONE


def error_frames() -> Iterator[bytes]:
    """An error in place of a chunk, with nothing after it."""
    yield b"data: %b\n\n" % envelope(failure())


def chunks(reply: Reply) -> Iterator[Json]:
    head = _head(reply, "chat.completion.chunk")
    include = reply.request.include_usage and reply.answer.usage is not None
    silent = {"usage": None} if include else {}
    streams = [_deltas(reply, number, choice) for number, choice in enumerate(reply.answer.choices)]
    for turn in zip_longest(*streams):
        for choice in turn:
            if choice is not None:
                yield {**head, "choices": [choice], **silent}
    if include and reply.answer.usage:
        yield {**head, "choices": [], "usage": _usage(reply.answer.usage)}


def _head(reply: Reply, kind: str) -> Json:
    return {
        "id": reply.id("chatcmpl-"),
        "object": kind,
        "created": reply.created,
        "model": reply.request.model,
        "service_tier": "default",
        "system_fingerprint": "fp_simulator",
    }


def _deltas(reply: Reply, number: int, choice: Choice) -> Iterator[Json]:
    yield _delta(number, {"role": "assistant", "content": "", "refusal": None})
    each = reply.request.directives.chunk_tokens
    calls = 0
    for item in choice.items:
        match item:
            case Text(text=text, citations=citations):
                yield from (_delta(number, {"content": piece}) for piece in tokens.chunks(text, each))
                if citations:
                    yield _delta(number, {"annotations": [_annotation(citation) for citation in citations]})
            case SimulatedRefusal(text=text):
                yield from (_delta(number, {"refusal": piece}) for piece in tokens.chunks(text, each))
            case Call():
                yield from (_delta(number, part) for part in _call_parts(reply, number, calls, item))
                calls += 1
            case _:
                # Chat has no place for searches, pictures and hidden reasoning, but they count in the usage.
                continue
    yield _delta(number, {}, _finish(reply, choice))


def _call_parts(reply: Reply, number: int, index: int, call: Call) -> Iterator[Json]:
    first = {"name": call.name, "arguments": ""}
    pieces = tokens.chunks(call.arguments, reply.request.directives.chunk_tokens)
    if reply.request.tools.legacy:
        yield {"function_call": first}
        yield from ({"function_call": {"arguments": piece}} for piece in pieces)
        return
    whole = {"index": index, "id": _call_id(reply, number, index), "type": "function", "function": first}
    yield {"tool_calls": [whole]}
    yield from ({"tool_calls": [{"index": index, "function": {"arguments": piece}}]} for piece in pieces)


def _finish(reply: Reply, choice: Choice) -> str:
    return "function_call" if reply.request.tools.legacy and choice.finish == "tool_calls" else choice.finish


def _delta(number: int, delta: Json, finish: str | None = None) -> Json:
    return {"index": number, "delta": delta, "logprobs": None, "finish_reason": finish}


def _choice(reply: Reply, number: int, choice: Choice) -> Json:
    texts = [each for each in choice.items if isinstance(each, Text)]
    refusals = [each for each in choice.items if isinstance(each, SimulatedRefusal)]
    calls = [each for each in choice.items if isinstance(each, Call)]
    message: Json = {
        "role": "assistant",
        "content": texts[0].text if texts else None if calls or refusals else "",
        "refusal": refusals[0].text if refusals else None,
        "annotations": [_annotation(citation) for text in texts for citation in text.citations],
    }
    if calls and reply.request.tools.legacy:
        message["function_call"] = {"name": calls[0].name, "arguments": calls[0].arguments}
    elif calls:
        message["tool_calls"] = [_tool_call(reply, number, index, call) for index, call in enumerate(calls)]
    return {"index": number, "message": message, "logprobs": None, "finish_reason": _finish(reply, choice)}


def _tool_call(reply: Reply, number: int, index: int, call: Call) -> Json:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": _call_id(reply, number, index), "type": "function", "function": function}


def _call_id(reply: Reply, number: int, index: int) -> str:
    return reply.id("call_", number * 100 + index)


def _annotation(citation: Citation) -> Json:
    place = {"start_index": citation.start, "end_index": citation.end, "url": citation.url, "title": citation.title}
    return {"type": "url_citation", "url_citation": place}


def _usage(usage: Usage) -> Json:
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.total,
        "prompt_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
