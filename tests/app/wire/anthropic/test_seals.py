from __future__ import annotations

import base64

import pytest

from app.wire import tags
from app.wire.anthropic.seals import seal_redacted, seal_thinking, thinking_block


def payload(sealed: str) -> str:
    opened = tags.unseal(sealed, "up")
    assert opened is not None
    return opened


def test_thinking_comes_back_as_it_was() -> None:
    block = thinking_block(payload(seal_thinking("up", "H\u00e9, \U0001f600?", "c2ln")))
    assert block == {"type": "thinking", "thinking": "H\u00e9, \U0001f600?", "signature": "c2ln"}


def test_thinking_that_was_not_shown_keeps_its_signature() -> None:
    block = thinking_block(payload(seal_thinking("up", "", "c2ln")))
    assert block == {"type": "thinking", "thinking": "", "signature": "c2ln"}


def test_redacted_thinking_comes_back_as_it_was() -> None:
    assert thinking_block(payload(seal_redacted("up", "xyz"))) == {"type": "redacted_thinking", "data": "xyz"}


def test_a_payload_is_base64url_of_json() -> None:
    opened = base64.urlsafe_b64decode(payload(seal_thinking("up", "a", "b")))
    assert opened == b'{"thinking":"a","signature":"b"}'


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "x",
        "\u00e9",
        "====",
        *(base64.urlsafe_b64encode(text).decode() for text in (b"{}", b"[]", b'{"thinking":"a"}')),
    ],
)
def test_an_invalid_payload_has_no_block(forged: str) -> None:
    assert thinking_block(forged) is None


def test_a_payload_with_members_of_the_wrong_type_has_no_block() -> None:
    assert thinking_block(base64.urlsafe_b64encode(b'{"thinking":1,"signature":"b"}').decode()) is None
    assert thinking_block(base64.urlsafe_b64encode(b'{"signature":"b"}').decode()) is None
