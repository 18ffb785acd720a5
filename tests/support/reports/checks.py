"""What is checked after each run of a case: the client's answer, the ledger's events, the upstream's request.

Rule 1: a cost is the billed usage at the listed prices, to the nano, in every case.
Rule 2: a usage that the client is shown is the usage that was billed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from domain.events import Event, RequestDebited, RequestReleased
from domain.usage import Usage
from tests.support.reports.cases import Books, Client, Sent
from tests.support.reports.seen import Seen

NANOS: Final[Mapping[str, int]] = {
    "input": 1_000,
    "cached_input": 100,
    "cache_write": 1_250,
    "cache_write_1h": 2_000,
    "output": 10_000,
    "web_search_calls": 10_000_000,
}
"""What one of each costs by the prices of shop.py."""
CALL_NANOS: Final = 20_000_000
"""What each call of a tool costs if a case lists a price for it."""


def check_client(expected: Client, seen: Seen, told: str) -> None:
    """Raises AssertionError if the client did not get what is expected."""
    for name in ("text", "reasoning", "finish", "broken"):
        wanted = getattr(expected, name)
        if wanted is not None:
            assert getattr(seen, name) == wanted, f"{name}: {getattr(seen, name)!r}, not {wanted!r}\n{told}"
    if expected.calls is not None:
        known = [{*wanted} for wanted in expected.calls]
        assert len(known) == len(seen.calls), f"calls: {seen.calls}\n{told}"
        calls = [
            {name: value for name, value in call.items() if name != "id" or name in names}
            for call, names in zip(seen.calls, known, strict=True)
        ]
        assert calls == expected.calls, f"calls: {calls}\n{told}"
        assert len({call["id"] for call in seen.calls}) == len(calls), f"ids: {seen.calls}\n{told}"
    failing = expected.fails or expected.broken or expected.code is not None or (expected.status or 200) != 200
    assert seen.status == (expected.status or 200) or (failing and expected.status is None), told
    assert not (failing and seen.finish), f"it finished: {seen.finish}\n{told}"
    assert bool(seen.error) == failing, f"error: {seen.error}\n{told}"
    for name in ("code", "param"):
        wanted = getattr(expected, name)
        if wanted is not None:
            assert seen.error is not None, told
            assert seen.error[name] == wanted, f"{name}\n{told}"
    if expected.usage is not None:
        assert seen.usage is not None, f"no usage\n{told}"
        assert seen.usage | expected.usage == seen.usage, f"usage: {seen.usage}\n{told}"
    for text in expected.contains:
        assert text.encode() in seen.raw, f"lacks {text}\n{told}"
    for text in expected.lacks:
        assert text.encode() not in seen.raw, f"contains {text}\n{told}"


def check_books(expected: Books, events: list[Event], told: str) -> None:
    """Raises AssertionError if the events of one request are not what is expected."""
    settled = [event for event in events if isinstance(event, RequestDebited | RequestReleased)]
    if expected.outcome == "refused":
        assert not events, f"events: {events}\n{told}"
        return
    assert len(settled) == 1, f"events: {events}\n{told}"
    [event] = settled
    if isinstance(event, RequestReleased):
        assert expected.outcome == f"released:{event.reason}", f"{event}\n{told}"
        return
    assert event.outcome == expected.outcome, f"{event}\n{told}"
    assert event.overrun_nanos == max(0, event.cost_nanos - event.hold_nanos), told
    assert event.cost_nanos == cost_of(event.usage), f"cost: {event.cost_nanos}\n{event}\n{told}"
    assert (event.overrun_nanos > 0) == expected.overrun, f"overrun: {event.overrun_nanos}\n{event}\n{told}"
    for name in ("cost_nanos", "hold_nanos"):
        wanted = getattr(expected, name)
        if wanted is not None:
            assert getattr(event, name) == wanted, f"{name}: {getattr(event, name)}\n{event}\n{told}"
    if expected.estimated is not None:
        assert event.usage.estimated == expected.estimated, f"{event}\n{told}"
    for name, value in (expected.usage or {}).items():
        assert getattr(event.usage, name) == value, f"{name}: {event.usage}\n{told}"


def cost_of(usage: Usage) -> int:
    """The cost of a usage without images, in nano-USD."""
    assert (usage.images, usage.image_input, usage.image_output) == ((), 0, 0), usage
    counted: int = sum(getattr(usage, name) * nanos for name, nanos in NANOS.items())
    return counted + sum(call.count for call in usage.calls) * CALL_NANOS


def check_shown(seen: Seen, events: list[Event], told: str) -> None:
    """Raises AssertionError if the usage in an answer is not the one in the debit."""
    for event in events:
        if isinstance(event, RequestDebited) and seen.finish is not None:
            billed = {
                "input": event.usage.input_tokens,
                "cached": event.usage.cached_input,
                "output": event.usage.output_tokens,
                "reasoning": event.usage.reasoning,
            }
            assert seen.usage == billed, f"shown: {seen.usage}, billed: {billed}\n{told}"


def check_sent(expected: Sent, bodies: list[bytes], told: str) -> None:
    """Raises AssertionError if the upstream's last request lacks a member, or has a text that it must not have."""
    assert bodies, told
    assert expected.requests in (None, len(bodies)), f"{len(bodies)} requests\n{told}"
    body = bodies[-1]
    assert_has(json.loads(body), expected.members, told)
    for text in expected.contains:
        assert text.encode() in body, f"lacks {text}\n{told}"
    for text in expected.lacks:
        assert text.encode() not in body, f"contains {text}\n{told}"


def assert_has(found: Any, wanted: Any, told: str) -> None:
    """Objects may have more members than `wanted`; anything else must be equal."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for name, value in wanted.items():
            assert name in found, f"lacks {name}\n{told}"
            assert_has(found[name], value, told)
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for left, right in zip(found, wanted, strict=True):
            assert_has(left, right, told)
    else:
        assert found == wanted, f"{found!r}, not {wanted!r}\n{told}"
