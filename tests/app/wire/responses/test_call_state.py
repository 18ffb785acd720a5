"""Calls, searches and images, in every form in which upstreams report them."""

from __future__ import annotations

from typing import Any

import pytest

from app.wire.answer import (
    AnswerEnded,
    CallBegun,
    CallDelta,
    CallDone,
    ChoiceFinished,
    ImageBegun,
    ImageDone,
    ImagePartial,
    SearchBegun,
    SearchDone,
)
from app.wire.exchange import AnswerError
from domain.usage import ImageCount, Usage
from tests.support.wire.responses.upstream_events import CREATED, added, completed, done, events_of, of, within
from tests.support.wire.streams import RESPONSES_USAGE

Json = dict[str, Any]


CALL = {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f"}


@pytest.mark.parametrize(
    "events",
    [
        [added(0, **CALL, arguments=""), done(0, **CALL, arguments='{"a":1}')],
        [
            added(0, **CALL),
            of("function_call_arguments.delta", output_index=0, item_id="fc_1", delta='{"a":1}'),
            of("function_call_arguments.done", output_index=0, item_id="fc_1", arguments='{"a":1}'),
        ],
        [added(0, type="function_call"), done(0, **CALL, arguments='{"a":1}')],
        [
            of("function_call_arguments.delta", output_index=0, delta='{"a":1}'),
            of("function_call_arguments.done", output_index=0, arguments='{"a":1}'),
            done(0, **CALL, arguments='{"a":1}'),
        ],
        [done(0, **CALL, arguments='{"a":1}')],
        [],
    ],
)
def test_a_call_in_every_form_that_upstreams_send(events: list[Json]) -> None:
    whole = {**CALL, "arguments": '{"a":1}'}
    found = events_of(CREATED, *events, completed(whole))
    assert found[1:] == [
        CallBegun(0, "c", "f"),
        CallDelta(0, '{"a":1}'),
        CallDone(0),
        ChoiceFinished("tool_calls"),
        AnswerEnded(items=Usage()),
    ]


def test_calls_of_other_kinds() -> None:
    custom = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c", "name": "sql"}
    assert within(
        added(0, **custom),
        of("custom_tool_call_input.delta", output_index=0, delta="SEL"),
        of("custom_tool_call_input.done", output_index=0, input="SELECT"),
        done(0, **custom, input="SELECT"),
    ) == [CallBegun(0, "c", "sql", "custom"), CallDelta(0, "SEL"), CallDelta(0, "ECT"), CallDone(0)]
    assert within(done(0, type="function_call", id="fc_1", name="f", arguments="")) == [
        CallBegun(0, "fc_1", "f"),
        CallDone(0),
    ]


def test_parallel_calls_stay_apart() -> None:
    def arguments(at: int, text: str) -> Json:
        return of("function_call_arguments.delta", output_index=at, item_id=f"other_{text}", delta=text)

    first, second = ({**CALL, "id": f"fc_{at}", "call_id": f"c{at}"} for at in (0, 1))
    events = [added(0, **first), added(1, **second), arguments(1, "b"), arguments(0, "a"), arguments(1, "B")]
    assert within(*events, output=[{**first, "arguments": "a"}, {**second, "arguments": "bB"}]) == [
        CallBegun(0, "c0", "f"),
        CallBegun(1, "c1", "f"),
        CallDelta(1, "b"),
        CallDelta(0, "a"),
        CallDelta(1, "B"),
        CallDone(0),
        CallDone(1),
    ]


@pytest.mark.parametrize(
    ("item", "event"),
    [
        ({"action": {"type": "search", "query": "q"}}, SearchDone(0, {"type": "search", "query": "q"})),
        ({"action": {"type": "open_page", "url": "u"}}, SearchDone(0, {"type": "open_page", "url": "u"})),
        (
            {"action": {"type": "find_in_page", "url": "u", "pattern": "p", "more": 1}},
            SearchDone(0, {"type": "find_in_page", "url": "u", "pattern": "p"}),
        ),
        (
            {"action": {"type": "search", "queries": ["a"], "sources": [{"type": "url", "url": "u"}, {"type": "x"}]}},
            SearchDone(0, {"type": "search", "queries": ["a"], "sources": [{"type": "url", "url": "u"}]}),
        ),
        ({"status": "failed"}, SearchDone(0, {"type": "search"}, failed=True)),
    ],
)
def test_searches(item: Json, event: SearchDone) -> None:
    call = {"type": "web_search_call", "id": "ws_1", **item}
    place = {"output_index": 0, "item_id": "ws_1"}
    assert within(added(0, **call), of("web_search_call.searching", **place), done(0, **call)) == [
        SearchBegun(0),
        event,
    ]
    assert within(of("web_search_call.in_progress", **place), output=[call]) == [SearchBegun(0), event]


def test_images() -> None:
    place = {"output_index": 0, "item_id": "ig_1"}
    looks = {"size": "1024x1024", "quality": "low", "background": "opaque", "output_format": "png"}
    image = {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "QUI=", **looks}
    name = "image_generation_call.partial_image"
    found = events_of(
        CREATED,
        added(0, type="image_generation_call", id="ig_1", status="in_progress"),
        of("image_generation_call.generating", **place),
        of(name, partial_image_index=0, partial_image_b64="QQ==", **place, **looks),
        of(name, partial_image_index=1, partial_image_b64="", **place),
        done(0, **image, revised_prompt="An icon"),
        completed(usage=RESPONSES_USAGE),
    )
    assert found[1:4] == [
        ImageBegun(0),
        ImagePartial(0, "QQ==", 0, looks),
        ImageDone(0, "QUI=", {**looks, "revised_prompt": "An icon"}),
    ]
    ended = found[-1]
    assert isinstance(ended, AnswerEnded)
    assert ended.usage is not None
    assert ended.usage.images == (ImageCount("low", "1024x1024", 1),)


def test_an_image_that_cannot_be_generated() -> None:
    failed = {"type": "image_generation_call", "id": "ig_1", "status": "failed", "result": None}
    assert within(added(0, **failed), done(0, **failed)) == []
    shown = of("image_generation_call.partial_image", output_index=0, item_id="ig_1", partial_image_b64="QQ==")
    with pytest.raises(AnswerError) as caught:
        events_of(CREATED, shown, done(0, **failed))
    assert (caught.value.malformed, caught.value.type) == (False, "server_error")
