"""Translated answers validate against openai-python's own types: every event, every chunk, every body."""

from __future__ import annotations

import pytest

from tests.protocols.translated import sdk_types
from tests.protocols.translated.expected import Case, Dialect
from tests.protocols.translated.harness import Client, body_of, stream_of, streamed, whole
from tests.protocols.translated.test_translated import ALL, PLAIN
from tests.protocols.translated.understood import payloads


def sent(dialect: Dialect, case: Case, client: Client) -> list[str]:
    names = [case.name, *([case.then] if case.then else [])]
    outcome = streamed(dialect, client, case, [[stream_of(dialect, name)] for name in names])
    return [data for data in payloads(outcome.sent) if data != "[DONE]"]


@pytest.mark.parametrize(("dialect", "case", "client"), ALL)
def test_every_event_is_of_its_type(dialect: Dialect, case: Case, client: Client) -> None:
    actual = sent(dialect, case, client)
    assert actual
    if client == "responses":
        for data in actual:
            sdk_types.check_event(data)
    else:
        for data in actual[:-1] if case.fault else actual:
            sdk_types.check_chunk(data)


@pytest.mark.parametrize(("dialect", "case", "client"), PLAIN)
def test_every_body_is_of_its_type(dialect: Dialect, case: Case, client: Client) -> None:
    body, _ = whole(dialect, client, case, body_of(dialect, case.name))
    check = sdk_types.check_response if client == "responses" else sdk_types.check_completion
    check(body)
