"""Events to bytes and back, over the versions of years."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
import pytest
from hypothesis import given, settings

from app.ledger.codec import NONCE_BYTES, Codec, UndecodableEvent, UnencodableEvent
from app.ledger.store import Append, Ledger
from domain.events import EVENTS, AccountOpened, Event, PriceListed, UnknownEvent
from tests.support.domain.strategies import events
from tests.support.ledger.ledgers import Engine, check_log, opened, whole


class Renamed(Event, frozen=True, gc=False):
    """The third version of an event."""

    TOPIC: ClassVar[str] = "test.renamed.v3"
    account_id: str
    label: str
    amount_nanos: int


def _v1_to_v2(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "label": fields.pop("name")}


def _v2_to_v3(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "amount_nanos": fields.pop("amount_micros") * 1_000}


UPCASTS = {"test.renamed.v1": ("test.renamed.v2", _v1_to_v2), "test.renamed.v2": ("test.renamed.v3", _v2_to_v3)}
LATER = Codec([*EVENTS, Renamed], UPCASTS)


@settings(max_examples=300)
@given(events)
def test_every_event_comes_back_as_it_was(event: Event) -> None:
    codec = Codec()
    assert codec.decode(event.TOPIC, codec.encode(event)) == event


def test_the_same_event_never_has_the_same_bytes() -> None:
    codec, event = Codec(), AccountOpened("a", "Ada")
    states = {codec.encode(event) for _ in range(100)}
    assert len(states) == 100
    for state in states:
        nonce = msgspec.json.decode(state)["nonce"]
        assert len(bytes.fromhex(nonce)) == NONCE_BYTES


def test_an_old_version_is_upcast_step_by_step() -> None:
    oldest = b'{"nonce":"00","account_id":"a","name":"Ada","amount_micros":2}'
    assert LATER.decode("test.renamed.v1", oldest) == Renamed("a", "Ada", 2_000)
    older = b'{"nonce":"00","account_id":"a","label":"Ada","amount_micros":2}'
    assert LATER.decode("test.renamed.v2", older) == Renamed("a", "Ada", 2_000)


def test_an_upcast_into_an_unknown_version_is_an_unknown_event() -> None:
    codec = Codec(EVENTS, {"test.a.v1": ("test.a.v2", lambda fields: fields)})
    assert codec.decode("test.a.v1", b'{"x":1}') == UnknownEvent("test.a.v2", b'{"x":1}')


@pytest.mark.parametrize(
    ("topic", "state"),
    [
        ("account.opened.v1", b""),
        ("account.opened.v1", b"{}"),
        ("account.opened.v1", b'{"account_id":1,"name":"n"}'),
        ("account.opened.v1", b'{"account_id":"a","name":"\xff"}'),
        ("test.renamed.v1", b"[]"),
        ("test.renamed.v1", b"{}"),
        ("test.renamed.v2", b'{"amount_micros":"two"}'),
    ],
)
def test_a_state_that_does_not_fit_its_topic_is_reported(topic: str, state: bytes) -> None:
    with pytest.raises(UndecodableEvent, match=topic.rpartition(".")[0]):
        LATER.decode(topic, state)


@pytest.mark.parametrize("event", [AccountOpened("a", "\ud800"), PriceListed("m", {"input": object()})])
def test_a_value_that_is_no_json_is_refused(event: Event) -> None:
    with pytest.raises(UnencodableEvent, match=event.TOPIC):
        Codec().encode(event)


def test_an_unknown_topic_is_kept_and_reported(engine: Engine, ledger: Ledger) -> None:
    """Written by a later version, read by this one; nothing is lost, and the log goes on."""
    engine.open(LATER).append([Append("later", "test:1", 0, (Renamed("a", "Ada", 1),))])
    ledger.append([opened("a")])
    unknown, known = check_log(ledger)
    assert Codec().decode(unknown.topic, unknown.state) == UnknownEvent("test.renamed.v3", unknown.state)
    assert Codec().decode(known.topic, known.state) == AccountOpened("a", "Ada")
    assert LATER.decode(unknown.topic, whole(ledger)[0].state) == Renamed("a", "Ada", 1)
