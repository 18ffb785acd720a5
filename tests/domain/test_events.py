"""Topics are written out, and every event survives its encoding."""

from __future__ import annotations

import re

import msgspec
from hypothesis import given, settings

from domain.events import (
    EVENTS,
    KEY_TOPICS,
    Event,
    KeyLimits,
    account_stream,
    checkout_stream,
    dispute_stream,
    file_stream,
    payment_stream,
    price_stream,
    refund_stream,
    request_stream,
)
from tests.support.domain.strategies import events

# Events as stored in existing databases. A line here never changes; a new version is a new line.
_TOPICS = [
    "account.opened.v1",
    "account.key_created.v1",
    "account.key_limits_changed.v1",
    "account.key_revoked.v1",
    "account.adjustment_posted.v1",
    "account.frozen.v1",
    "account.unfrozen.v1",
    "request.admitted.v1",
    "request.debited.v1",
    "request.released.v1",
    "price.listed.v1",
    "file.uploaded.v1",
    "file.deleted.v1",
    "checkout.started.v1",
    "checkout.completed.v1",
    "checkout.expired.v1",
    "checkout.failed.v1",
    "payment.top_up_settled.v1",
    "refund.posted.v1",
    "refund.failed.v1",
    "dispute.funds_withdrawn.v1",
    "dispute.funds_reinstated.v1",
]


def test_topics_never_change() -> None:
    assert [event.TOPIC for event in EVENTS] == _TOPICS


def test_topics_end_in_a_version_and_are_unique() -> None:
    topics = [event.TOPIC for event in EVENTS]
    assert len(set(topics)) == len(topics)
    assert all(re.fullmatch(r"[a-z_]+\.[a-z_]+\.v[0-9]+", topic) for topic in topics)


def test_key_topics_are_those_that_the_index_of_keys_takes_in() -> None:
    assert {topic for topic in _TOPICS if "account.key_" <= topic < "account.key`"} == set(KEY_TOPICS)


@settings(max_examples=300)
@given(events)
def test_an_event_survives_json(event: Event) -> None:
    assert msgspec.json.decode(msgspec.json.encode(event), type=type(event)) == event


@given(events)
def test_an_event_cannot_be_changed(event: Event) -> None:
    assert type(event).__struct_config__.frozen
    assert type(event) in EVENTS


def test_limits_that_are_not_set_are_not_written() -> None:
    assert msgspec.json.encode(KeyLimits(concurrency=3)) == b'{"concurrency":3}'


def test_streams_are_named_by_what_they_are_about() -> None:
    assert account_stream("a") == "account:a"
    assert request_stream("r") == "request:r"
    assert price_stream("vendor/model") == "price:vendor/model"
    assert file_stream("file-1") == "file:file-1"
    assert checkout_stream("co_1") == "checkout:co_1"
    assert payment_stream("pi_1") == "payment:pi_1"
    assert refund_stream("re_1") == "refund:re_1"
    assert dispute_stream("du_1") == "dispute:du_1"
