"""The finish reasons of chat upstreams: which words finish an answer, and what they mean."""

from __future__ import annotations

from typing import Any

import pytest

from app.wire.exchange import AnswerError
from app.wire.finish_words import reason_of, word_of


@pytest.mark.parametrize(
    "value",
    [None, "", False, 0, {}, [], " ", "null", "None", "NULL", "undefined", "FINISH_REASON_UNSPECIFIED", {"type": None}],
)
def test_words_that_say_not_yet_do_not_finish(value: Any) -> None:
    assert word_of(value) == ""


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (" Stop\n", "stop"),
        ("TOOL-CALLS", "tool_calls"),
        ("Tool Calls", "tool_calls"),
        ({"type": "length", "length": 5}, "length"),
    ],
)
def test_a_word_is_the_same_in_any_spelling(value: Any, word: str) -> None:
    assert word_of(value) == word


@pytest.mark.parametrize("value", [1, True, ["stop"], {"type": 5}])
def test_a_value_that_is_no_word_is_malformed(value: Any) -> None:
    with pytest.raises(AnswerError, match="not text"):
        word_of(value)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("stop", "stop"),
        ("eos", "stop"),
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("safety", "content_filter"),
        ("sensitive", "content_filter"),
        ("content_filter: prohibited_content", "content_filter"),
    ],
)
@pytest.mark.parametrize("answered", [True, False])
def test_known_words(word: str, reason: str, answered: bool) -> None:
    assert reason_of(word_of(word), answered=answered) == reason


def test_an_unknown_word_is_a_stop_only_after_an_answer() -> None:
    assert reason_of("whatever", answered=True) == "stop"
    with pytest.raises(AnswerError, match=r"gave no answer: whatever\.") as caught:
        reason_of("whatever", answered=False)
    assert caught.value.malformed


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("network_error", "server_error"),
        ("Cancelled", "server_error"),
        ("function_call_filter: MALFORMED_FUNCTION_CALL", "server_error"),
        ("timeout", "timeout"),
        ("overloaded", "overloaded"),
    ],
)
def test_a_failure_is_an_error_after_an_answer_too(value: str, code: str) -> None:
    with pytest.raises(AnswerError, match="aborted") as caught:
        reason_of(word_of(value), answered=True)
    assert (caught.value.malformed, caught.value.code) == (False, code)
