"""Streams with one wrong value: the answer is either good or at fault, and the client's stream is well formed in both cases."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.protocols.translated.expected import Case, Dialect
from tests.protocols.translated.harness import Client, Outcome, stream_of, streamed
from tests.protocols.translated.test_translated import ALL, understood
from tests.support.wire import responses_grammar

WRONG: Final[tuple[Any, ...]] = (
    None,
    True,
    0,
    -1,
    7,
    1.5,
    10**30,
    "",
    "x",
    "\x00\ud800",
    [],
    [None],
    [[]],
    {},
    {"type": "x"},
    {"index": -1},
)
MUTANTS: Final = 40
MUTANTS_LONG: Final = 1_500
SPLINTERS: Final = (
    b"\n\n",
    b"\r",
    b"data: ",
    b"event: error\n",
    b"data: [DONE]\n\n",
    b"{",
    b"}",
    b'"',
    b"\xff",
    b"\xed\xa0\x80",
    b"\\ud800",
    b"null",
    b"1e999",
    b"[" * 2000,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside of `value`."""
    for name, inner in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield (*path, name)
        yield from places(inner, (*path, name))


def mutated(stream: bytes, chance: random.Random) -> bytes:
    """The stream with one value of one event removed or wrong, or with one event repeated or left out."""
    frames = stream.decode().split("\n\n")
    result = [number for number, frame in enumerate(frames) if "data: {" in frame]
    number = chance.choice(result)
    head, _, data = frames[number].partition("data: ")
    try:
        event = json.loads(data)
    except ValueError:
        return stream
    kind = chance.random()
    if kind < 0.1:
        del frames[number]
    elif kind < 0.2:
        frames.insert(number, frames[number])
    else:
        *way, last = chance.choice(list(places(event)))
        holder = event
        for step in way:
            holder = holder[step]
        if kind < 0.3:
            del holder[last]
        else:
            holder[last] = chance.choice(WRONG)
        frames[number] = f"{head}data: {json.dumps(event)}"
    return "\n\n".join(frames).encode()


@pytest.mark.parametrize(("dialect", "case", "client"), ALL)
def test_a_wrong_value_fails_only_the_answer(dialect: Dialect, case: Case, client: Client) -> None:
    if case.then:
        return
    chance = random.Random(f"{dialect} {case.name} {client}")
    stream = stream_of(dialect, case.name)
    for _ in range(MUTANTS if b"data: {" in stream else 0):
        changed = mutated(stream, chance)
        check_order(client, streamed(dialect, client, case, [[changed]]), changed)


def broken(stream: bytes, chance: random.Random) -> bytes:
    """The stream with a few bytes changed, gone or put in, or cut off."""
    found = bytearray(stream)
    for _ in range(chance.randint(1, 4)):
        place, kind = chance.randrange(len(found) + 1), chance.random()
        if kind < 0.4:
            found[place : place + 1] = bytes([chance.randrange(256)])
        elif kind < 0.6:
            del found[place : place + chance.randint(1, 40)]
        elif kind < 0.9:
            found[place:place] = chance.choice(SPLINTERS)
        else:
            del found[place:]
    return bytes(found)


@pytest.mark.parametrize(("dialect", "case", "client"), ALL)
def test_a_wrong_byte_fails_only_the_answer(dialect: Dialect, case: Case, client: Client) -> None:
    fuzz(dialect, case, client, MUTANTS)


@pytest.mark.long
@pytest.mark.parametrize(("dialect", "case", "client"), ALL)
def test_wrong_values_and_bytes_fail_only_the_answer_at_length(dialect: Dialect, case: Case, client: Client) -> None:
    fuzz(dialect, case, client, MUTANTS_LONG)


def fuzz(dialect: Dialect, case: Case, client: Client, count: int) -> None:
    if case.then:
        return
    chance = random.Random(f"{dialect} {case.name} {client} {count}")
    stream = stream_of(dialect, case.name)
    for number in range(count):
        values = number % 2 and b"data: {" in stream
        changed = mutated(stream, chance) if values else broken(stream, chance)
        check_order(client, streamed(dialect, client, case, [[changed]]), changed)


def check_order(client: Client, outcome: Outcome, changed: bytes) -> None:
    result = understood(client, outcome.sent)
    assert (result.error is None) == (outcome.error is None), changed
    if client == "responses":
        found = responses_grammar.events(outcome.sent)
        if [event["type"] for event in found] != ["error"]:
            responses_grammar.check_events(found)
