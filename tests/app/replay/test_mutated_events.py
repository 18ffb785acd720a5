"""If any one value of an event is changed (mainly of a charge or a price), a replay finishes and reports the change and its
place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.ledger.store import RecordedEvent
from app.replay.replay import Report
from tests.support.ledger.mutations import FAR, MOVED, TEXT, Later, busy_stage, many, report
from tests.support.ledger.stages import ENGINES, Stage

CHARGED = {"price_version", "usage", "lines", "cost_nanos", "overrun_nanos"}
TOLD_ONLY = {"reasoning", "estimated"}
"""Values that describe a use and have no cost themselves."""
SEALED_ONLY = {
    *{("account.frozen.v1", "reason"), ("account.unfrozen.v1", "reason"), ("file.deleted.v1", "reason")},
    *{("file.uploaded.v1", "key_id"), ("file.uploaded.v1", "media_type"), ("file.uploaded.v1", "sha256")},
    *{("request.admitted.v1", "deadline_at_micros"), ("request.admitted.v1", "instance_id")},
    *{("request.admitted.v1", "endpoint"), ("request.debited.v1", "upstream_request_id")},
    *{("price.listed.v1", kind) for kind in ("cache_write", "cache_write_1h", "image_input", "image_output")},
}
"""Values from which nothing is derived, or nothing any more: of ended freezes and settled requests, and prices that were never
charged. Also the random bytes of every event."""
Place = tuple[str | int, ...]
"""The place of a value in a document."""


@pytest.fixture(params=ENGINES)
def audited(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    with busy_stage(request, tmp_path) as stage:
        yield stage


def _leaves(value: Any, path: Place = ()) -> Iterator[Place]:
    """Of every single value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None:
        yield path
    else:
        for name, each in items:
            yield from _leaves(each, (*path, name))


def _at(value: Any, path: Place) -> Any:
    for name in path:
        value = value[name]
    return value


def _with(value: Any, path: Place, leaf: Any) -> Any:
    """The document with another value there."""
    if not path:
        return leaf
    copy = value.copy()
    copy[path[0]] = _with(value[path[0]], path[1:], leaf)
    return copy


def _other_leaf(data: st.DataObject, leaf: Any) -> Any:
    if isinstance(leaf, bool):
        return not leaf
    if isinstance(leaf, int):
        return leaf + data.draw(st.one_of(MOVED, MOVED, FAR))
    if isinstance(leaf, str) and leaf.replace(".", "", 1).isdigit():
        return leaf + "1"
    return (leaf or "") + data.draw(TEXT)


def _rewritten(stage: Stage, event: RecordedEvent, state: bytes) -> Report:
    statement = "UPDATE stored_events SET state = ? WHERE notification_id = ?"
    stage.ledger.change((statement, (state, event.id)))
    try:
        return report(stage)
    finally:
        stage.ledger.change((statement, (event.state, event.id)))


def _events(stage: Stage, *topics: str) -> list[RecordedEvent]:
    return [event for event in stage.ledger.read(0, 10_000) if not topics or event.topic in topics]


@many
@given(data=st.data())
def test_a_charge_that_does_not_follow_from_its_tokens_and_its_price_is_told_with_its_position(
    audited: Stage, data: st.DataObject
) -> None:
    """Any figure of a charge: a cost line, what is counted, what it comes to, the price that it names."""
    event = data.draw(st.sampled_from(_events(audited, "request.debited.v1")), "event")
    state = msgspec.json.decode(event.state)
    charged = [path for path in _leaves(state) if path[0] in CHARGED and path[-1] not in TOLD_ONLY]
    assert {path[0] for path in charged} == CHARGED
    path = data.draw(st.sampled_from(charged), "figure")
    changed = _with(state, path, _other_leaf(data, _at(state, path)))
    found = _rewritten(audited, event, json.dumps(changed).encode())
    told = {one.where for one in found.differences if one.what in CHARGED}
    assert f"event {event.id}, {event.originator_id}" in told
    assert report(audited).ok


@many
@given(data=st.data())
def test_a_price_that_charges_do_not_follow_from_is_told_with_the_charges(audited: Stage, data: st.DataObject) -> None:
    event = data.draw(st.sampled_from(_events(audited, "price.listed.v1")), "event")
    state = msgspec.json.decode(event.state)
    charged = [path for path in _leaves(state) if path[0] == "prices" and (event.topic, path[-1]) not in SEALED_ONLY]
    path = data.draw(st.sampled_from(charged), "price")
    changed = _with(state, path, _other_leaf(data, _at(state, path)))
    found = _rewritten(audited, event, json.dumps(changed).encode())
    assert {one.what for one in found.differences} <= CHARGED | {"delivered_nanos", "price list", "price version"}
    debits = {f"event {each.id}, {each.originator_id}" for each in _events(audited, "request.debited.v1")}
    assert {one.where for one in found.differences} & {*debits, f"event {event.id}"}
    assert report(audited).ok


@pytest.mark.parametrize("audited", ["sqlite"], indirect=True)
@settings(many, max_examples=120)
@given(data=st.data())
def test_whatever_one_value_of_an_event_is_changed_a_replay_comes_to_its_end_and_tells(
    audited: Stage, data: st.DataObject
) -> None:
    """But for what nothing is derived from: that is in the event's hash alone, and `audit verify` tells it."""
    event = data.draw(st.sampled_from([each for each in _events(audited) if each.topic != Later.TOPIC]), "event")
    state = msgspec.json.decode(event.state)
    path = data.draw(st.sampled_from(list(_leaves(state))), "value")
    changed = _with(state, path, _other_leaf(data, _at(state, path)))
    found = _rewritten(audited, event, json.dumps(changed).encode())
    assert not found.ok or path == ("nonce",) or (event.topic, path[-1]) in SEALED_ONLY
    assert report(audited).ok
