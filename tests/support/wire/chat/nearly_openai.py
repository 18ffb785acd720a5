"""Hypothesis strategies for chat answers of servers that are nearly OpenAI's, streamed and plain."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

ABSENT: st.SearchStrategy[Any] = st.sampled_from([None, "", False, {}])
TEXT = st.sampled_from(["a", "\u00e9", "bc"])
IDS = st.one_of(st.sampled_from(["c1", "c2", "c3"]), ABSENT)
NAMES = st.one_of(st.sampled_from(["f", "g"]), ABSENT)
ARGUMENTS: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(["{}", '{"a"', "1"]), st.just({"a": 1}), st.just({}), st.none()
)
VENDOR_REASONS = ("tool_calls", "length", "eos", "max_tokens", "model_length", "function_call", "content_filter")
REASONS = st.sampled_from(["stop", "stop", *VENDOR_REASONS, "STOP", "error", "abort", 5])
USAGE = st.sampled_from(
    [{"prompt_tokens": 20, "completion_tokens": 7, "total_tokens": 27}, {"prompt_tokens": 3}, {"prompt_tokens": -1}, 5]
    + [{"prompt_tokens": 30, "completion_tokens": 9, "total_tokens": 39}] * 4
)
CITATION = st.builds(
    lambda url, start: {"type": "url_citation", "url_citation": {"url": url, "start_index": start, "end_index": 1}},
    st.sampled_from(["https://a.example/", "https://b.example/", ""]),
    st.integers(-1, 3),
)
BOMS = st.sampled_from([b"", b"", b"", b"\xef\xbb\xbf"])


def some(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with any of the members."""
    return st.fixed_dictionaries({}, optional=members)


FUNCTION = some(name=NAMES, arguments=ARGUMENTS)
CALL = st.one_of(
    some(index=st.sampled_from([0, 0, 1, 2, None]), id=IDS, type=st.just("function"), function=FUNCTION),
    some(index=st.sampled_from([0, 1]), id=IDS, custom=some(name=NAMES, input=st.sampled_from(["x", None]))),
)
CALLS = st.lists(CALL, min_size=1, max_size=2)
PARTS = st.just([{"type": "thinking", "thinking": [{"type": "text", "text": "t"}]}, {"type": "text", "text": "p"}])
DELTA = st.one_of(
    some(role=st.just("assistant"), content=TEXT),
    some(role=st.just("assistant"), content=TEXT, refusal=ABSENT, tool_calls=ABSENT, function_call=ABSENT),
    some(reasoning_content=st.one_of(TEXT, ABSENT), reasoning=st.one_of(TEXT, ABSENT), content=st.one_of(TEXT, ABSENT)),
    some(content=st.one_of(TEXT, ABSENT, PARTS), refusal=TEXT, annotations=st.lists(CITATION, max_size=2)),
    some(content=st.one_of(TEXT, ABSENT), tool_calls=CALLS),
    some(content=st.just(5), tool_calls=st.just("none"), function_call=FUNCTION),
)
FINISH = st.one_of(ABSENT, ABSENT, ABSENT, REASONS)
LOGPROBS = st.sampled_from(
    [None, None, {"content": [{"token": "a", "logprob": -1.5, "bytes": [97]}]}, {"content": [5]}]
)
ERROR = st.sampled_from([None, {}, "", {"message": "busy", "code": 5}, "busy"])
RARE_ERROR = st.one_of(st.none(), st.none(), st.none(), ERROR)


def _choice(part: str, inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {part: inner, "finish_reason": FINISH},
        optional={"index": st.sampled_from([0, 0, 0, 1, None]), "logprobs": LOGPROBS, "error": RARE_ERROR},
    )


def _answer(part: str, inner: st.SearchStrategy[Any], choices_min: int) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"model": st.just("vendor"), "choices": st.lists(_choice(part, inner), min_size=choices_min, max_size=2)},
        optional={
            "id": st.sampled_from(["chatcmpl-1", "chatcmpl-1", "", None, False]),
            "created": st.just(5),
            "system_fingerprint": st.sampled_from([None, "fp"]),
            "service_tier": st.sampled_from([None, "default", "flex"]),
            "usage": st.one_of(st.none(), USAGE),
            "error": RARE_ERROR,
            "object": st.sampled_from(["chat.completion.chunk"] * 8 + ["error"]),
        },
    )


def _plain_text(content: str) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": None}
    return {"id": "chatcmpl-1", "model": "vendor", "choices": [choice]}


def _finish(reason: Any, index: int) -> dict[str, Any]:
    return {"model": "vendor", "choices": [{"index": index, "delta": {}, "finish_reason": reason}]}


CHUNK = st.one_of(
    st.builds(_plain_text, TEXT),
    st.builds(_plain_text, TEXT),
    _answer("delta", DELTA, 0),
    _answer("delta", DELTA, 1),
    st.builds(_finish, REASONS, st.sampled_from([0, 0, 1])),
    st.builds(lambda usage: {"model": "vendor", "choices": [], "usage": usage}, USAGE),
)
NAMES_OF_FRAMES = st.sampled_from(["", "", "", "", "", "", "", "error"])
FRAMES = st.lists(st.tuples(NAMES_OF_FRAMES, st.one_of(CHUNK, CHUNK, CHUNK, CHUNK, st.just("[DONE]"))), max_size=9)
ENDS = st.sampled_from([[("", "[DONE]")], [("", "[DONE]")], []])
BODIES = _answer("message", DELTA, 1)
