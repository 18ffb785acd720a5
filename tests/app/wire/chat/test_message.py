"""A plain completion is what OpenAI's own client assembles from the stream of the same answer."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk

from app.wire.answer import (
    AnswerBegun,
    AnswerEnded,
    AnswerEvent,
    CallBegun,
    CallDelta,
    CallDone,
    ChoiceFinished,
    CitationAdded,
    ImageBegun,
    ImageDone,
    ReasoningBegun,
    ReasoningDelta,
    ReasoningDone,
    RefusalDelta,
    TextDelta,
)
from app.wire.tags import seal
from tests.support.wire.chat.chat_completions import FUNCTIONS, INCLUDE, USAGE, plain, streamed

text = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=5)
pieces = st.one_of(
    st.tuples(st.just("say"), text),
    st.tuples(st.just("refuse"), text),
    st.tuples(st.just("think"), text),
    st.tuples(st.just("call"), st.lists(text, max_size=3).map(tuple)),
    st.tuples(st.just("cite"), text),
    st.tuples(st.just("draw"), text),
)


def whole_by_client(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """What OpenAI's own helper makes of a stream."""
    state = ChatCompletionStreamState()
    for result in chunks:
        state.handle_chunk(ChatCompletionChunk.model_validate(result))
    return state.get_final_completion().to_dict(exclude_unset=False)


def same(stream: dict[str, Any], body: dict[str, Any]) -> None:
    """Null and absent are the same, as are calls with and without their index."""
    assert _without_nulls(stream["choices"]) == _without_nulls(body["choices"])
    assert _without_nulls(stream["usage"]) == _without_nulls(body["usage"])


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        hidden = ("parsed", "parsed_arguments") + (("index",) if "function" in value or "custom" in value else ())
        return {
            name: _without_nulls(inner)
            for name, inner in value.items()
            if name not in hidden and inner is not None and inner != []
        }
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value


def events_of(script: list[tuple[str, Any]]) -> list[AnswerEvent]:
    events: list[AnswerEvent] = []
    for key, (kind, value) in enumerate(script):
        match kind:
            case "say":
                events.append(TextDelta(value))
            case "refuse":
                events.append(RefusalDelta(value))
            case "think":
                events += [ReasoningBegun(key), ReasoningDelta(key, value), ReasoningDone(key, seal("up", value))]
            case "call":
                deltas = [CallDelta(key, piece) for piece in value]
                events += [CallBegun(key, f"call_{key}", "f"), *deltas, CallDone(key)]
            case "cite":
                events.append(CitationAdded(value, "A", 0, 0))
            case _:
                events += [ImageBegun(key), ImageDone(key, value)]
    return [AnswerBegun(), *events, ChoiceFinished("stop"), AnswerEnded(USAGE)]


@given(st.lists(pieces, max_size=8), st.booleans())
def test_openais_client_assembles_the_plain_answer_from_the_stream(script: list[tuple[str, Any]], legacy: bool) -> None:
    fields = INCLUDE | (FUNCTIONS if legacy else {})
    events = events_of(script)
    same(whole_by_client(streamed(*events, **fields)), plain(*events, **fields))
