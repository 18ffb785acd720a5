"""Writes an answer in the Responses protocol: one JSON object, or the events of a stream.

Rule 1: response.created, response.in_progress, each item from `added` to `done`, one closing event, [DONE].
Rule 2: `sequence_number` counts from 0 without gaps; the SSE event name is the event's type.
Rule 3: the closing event contains exactly the items that the stream built up.
"""

from __future__ import annotations

from collections.abc import Iterator

from app.upstream.simulator import tokens
from app.upstream.simulator.answer import (
    Call,
    Choice,
    Citation,
    Item,
    Picture,
    Search,
    SimulatedRefusal,
    Text,
    Thought,
    Usage,
)
from app.upstream.simulator.reply import DONE, FAILURE, Reply, encode, failure
from app.upstream.simulator.request import Json

_PREFIX = {Text: "msg_", SimulatedRefusal: "msg_", Call: "fc_", Search: "ws_", Picture: "ig_", Thought: "rs_"}
_ECHOED: Json = {
    "background": False,
    "frequency_penalty": 0.0,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "presence_penalty": 0.0,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "safety_identifier": None,
    "temperature": 1.0,
    "tool_choice": "auto",
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}


def body(reply: Reply) -> bytes:
    choice = reply.answer.choices[0]
    items = [_item(reply, at, item, done=True) for at, item in enumerate(choice.items)]
    return encode(_closing(reply, choice, items))


def failed_body(reply: Reply) -> bytes:
    return encode(_response(reply, "failed", [], error=_failed_error()))


def frames(reply: Reply) -> Iterator[bytes]:
    for event in events(reply):
        yield frame(event)
    yield DONE


def frame(event: Json) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (event["type"].encode(), encode(event))


def events(reply: Reply) -> Iterator[Json]:
    """Every event of the stream, numbered."""
    for number, event in enumerate(_events(reply)):
        event["sequence_number"] = number
        yield event


def failure_frames(reply: Reply, number: int) -> Iterator[bytes]:
    """An error in place of event `number`, flat as in the specification, and the failed response."""
    error = failure()
    yield frame(
        {"type": "error", "sequence_number": number, **{key: error[key] for key in ("code", "message", "param")}}
    )
    failed = _response(reply, "failed", [], error=_failed_error())
    yield frame({"type": "response.failed", "sequence_number": number + 1, "response": failed})
    yield DONE


def error_frames() -> Iterator[bytes]:
    """A stream that starts with an error, nested as vendors send it."""
    yield frame({"type": "error", "sequence_number": 0, "error": failure()})


def _events(reply: Reply) -> Iterator[Json]:
    choice = reply.answer.choices[0]
    yield {"type": "response.created", "response": _response(reply, "in_progress", [])}
    yield {"type": "response.in_progress", "response": _response(reply, "in_progress", [])}
    items: list[Json] = []
    for at, item in enumerate(choice.items):
        done = _item(reply, at, item, done=True)
        yield {"type": "response.output_item.added", "output_index": at, "item": _item(reply, at, item, done=False)}
        yield from _inside(reply, {"item_id": done["id"], "output_index": at}, item)
        yield {"type": "response.output_item.done", "output_index": at, "item": done}
        items.append(done)
    closing = _closing(reply, choice, items)
    yield {"type": f"response.{closing['status']}", "response": closing}


def _closing(reply: Reply, choice: Choice, items: list[Json]) -> Json:
    reasons = {"length": "max_output_tokens", "content_filter": "content_filter"}
    reason = reasons.get(choice.finish)
    if reason is None:
        return _response(reply, "completed", items)
    return _response(reply, "incomplete", items, incomplete={"reason": reason})


# Events between an item's `added` and its `done`


def _inside(reply: Reply, at: Json, item: Item) -> Iterator[Json]:
    match item:
        case Text():
            yield from _text(reply, at, item)
        case SimulatedRefusal():
            yield from _refused(reply, at, item)
        case Call():
            for delta in tokens.chunks(item.arguments, reply.request.directives.chunk_tokens):
                yield {"type": "response.function_call_arguments.delta", **at, "delta": delta}
            done = {"arguments": item.arguments, "name": item.name}
            yield {"type": "response.function_call_arguments.done", **at, **done}
        case Search():
            for stage in ("in_progress", "searching", "completed"):
                yield {"type": f"response.web_search_call.{stage}", **at}
        case Picture():
            yield from _picture(at, item)
        case Thought():
            yield from _summary(reply, at, item)


def _text(reply: Reply, at: Json, item: Text) -> Iterator[Json]:
    part = {**at, "content_index": 0}
    yield {"type": "response.content_part.added", **part, "part": _part(Text(""))}
    citations = list(enumerate(item.citations))
    end = 0
    for delta in tokens.chunks(item.text, reply.request.directives.chunk_tokens):
        yield {"type": "response.output_text.delta", **part, "delta": delta, "logprobs": []}
        end += len(delta)
        while citations and citations[0][1].end <= end:
            number, citation = citations.pop(0)
            added = {"annotation_index": number, "annotation": _annotation(citation)}
            yield {"type": "response.output_text.annotation.added", **part, **added}
    yield {"type": "response.output_text.done", **part, "text": item.text, "logprobs": []}
    yield {"type": "response.content_part.done", **part, "part": _part(item)}


def _refused(reply: Reply, at: Json, item: SimulatedRefusal) -> Iterator[Json]:
    part = {**at, "content_index": 0}
    yield {"type": "response.content_part.added", **part, "part": {"type": "refusal", "refusal": ""}}
    for delta in tokens.chunks(item.text, reply.request.directives.chunk_tokens):
        yield {"type": "response.refusal.delta", **part, "delta": delta}
    yield {"type": "response.refusal.done", **part, "refusal": item.text}
    yield {"type": "response.content_part.done", **part, "part": {"type": "refusal", "refusal": item.text}}


def _picture(at: Json, item: Picture) -> Iterator[Json]:
    yield {"type": "response.image_generation_call.in_progress", **at}
    yield {"type": "response.image_generation_call.generating", **at}
    looks = {"output_format": "png", "size": item.size, "quality": item.quality, "background": item.background}
    for number, partial in enumerate(item.partials):
        seen = {"partial_image_index": number, "partial_image_b64": partial}
        yield {"type": "response.image_generation_call.partial_image", **at, **seen, **looks}
    yield {"type": "response.image_generation_call.completed", **at}


def _summary(reply: Reply, at: Json, item: Thought) -> Iterator[Json]:
    if item.summary is None:
        return
    part = {**at, "summary_index": 0}
    empty = {"type": "summary_text", "text": ""}
    yield {"type": "response.reasoning_summary_part.added", **part, "part": empty}
    for delta in tokens.chunks(item.summary, reply.request.directives.chunk_tokens):
        yield {"type": "response.reasoning_summary_text.delta", **part, "delta": delta}
    yield {"type": "response.reasoning_summary_text.done", **part, "text": item.summary}
    yield {"type": "response.reasoning_summary_part.done", **part, "part": {**empty, "text": item.summary}}


# Objects


def _item(reply: Reply, at: int, item: Item, *, done: bool) -> Json:
    """An output item in the form of its `added` or its `done` event."""
    named = {"id": reply.id(_PREFIX[type(item)], at), "status": "completed" if done else "in_progress"}
    match item:
        case Text(whole=whole) | SimulatedRefusal(whole=whole):
            content = [_part(item)] if done else []
            status = named["status"] if whole or not done else "incomplete"
            return {**named, "type": "message", "role": "assistant", "status": status, "content": content}
        case Call(name=name, arguments=arguments, whole=whole):
            status = named["status"] if whole or not done else "incomplete"
            call = {"call_id": reply.id("call_", at), "name": name, "arguments": arguments if done else ""}
            return {**named, "type": "function_call", "status": status, **call}
        case Search(query=query, sources=sources):
            action: Json = {"type": "search", "query": query, "queries": [query]}
            if reply.request.sources:
                action["sources"] = [{"type": "url", "url": url} for url in sources] if done else []
            return {**named, "type": "web_search_call", "action": action}
        case Picture():
            return {**named, "type": "image_generation_call", **_drawn(item, done)}
        case Thought(summary=summary, encrypted=encrypted):
            shown = [{"type": "summary_text", "text": summary}] if done and summary else []
            secret = {"encrypted_content": encrypted} if done and encrypted else {}
            return {**named, "type": "reasoning", "summary": shown, **secret}


def _drawn(item: Picture, done: bool) -> Json:
    if not done:
        return {"result": None}
    looks = {"size": item.size, "quality": item.quality, "background": item.background, "output_format": "png"}
    return {"result": item.png, "revised_prompt": item.prompt, **looks}


def _part(item: Text | SimulatedRefusal) -> Json:
    if isinstance(item, SimulatedRefusal):
        return {"type": "refusal", "refusal": item.text}
    annotations = [_annotation(each) for each in item.citations]
    return {"type": "output_text", "text": item.text, "annotations": annotations, "logprobs": []}


def _annotation(citation: Citation) -> Json:
    return {
        "type": "url_citation",
        "start_index": citation.start,
        "end_index": citation.end,
        "url": citation.url,
        "title": citation.title,
    }


def _response(
    reply: Reply, status: str, items: list[Json], *, error: Json | None = None, incomplete: Json | None = None
) -> Json:
    """The Response object with every member of the protocol."""
    raw = reply.request.raw
    over = status in ("completed", "incomplete")
    usage = reply.answer.usage if over else None
    response: Json = {
        "id": reply.id("resp_"),
        "object": "response",
        "created_at": reply.created,
        "completed_at": reply.created if status == "completed" else None,
        "status": status,
        "error": error,
        "incomplete_details": incomplete,
        "model": reply.request.model,
        "output": items,
        "reasoning": {"effort": None, "summary": None} | (raw.get("reasoning") or {}),
        "service_tier": "default",
        "store": False,
        "text": _text_config(raw.get("text") or {}),
        "tools": [_tool(each) for each in raw.get("tools") or []],
        "usage": _usage(usage) if usage else None,
    }
    for name, default in _ECHOED.items():
        value = raw.get(name)
        response[name] = default if value is None else value
    if usage:
        response["tool_usage"] = _tool_usage(usage)
    return response


def _failed_error() -> Json:
    return {"code": "server_error", "message": FAILURE}


def _text_config(text: Json) -> Json:
    return {"format": text.get("format") or {"type": "text"}, "verbosity": text.get("verbosity") or "medium"}


def _tool(tool: Json) -> Json:
    if tool.get("type") != "function":
        return tool
    return {"description": None, "parameters": None, "strict": True, **tool}


def _usage(usage: Usage) -> Json:
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": 0},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.total,
    }


def _tool_usage(usage: Usage) -> Json:
    return {
        "image_gen": {
            "input_tokens": usage.image_input,
            "input_tokens_details": {"image_tokens": 0, "text_tokens": usage.image_input},
            "output_tokens": usage.image_output,
            "output_tokens_details": {"image_tokens": usage.image_output, "text_tokens": 0},
            "total_tokens": usage.image_input + usage.image_output,
        },
        "web_search": {"num_requests": usage.searches},
    }
