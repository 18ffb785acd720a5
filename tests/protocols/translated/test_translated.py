"""Every stream of this folder's tables, for clients of both protocols: the client gets the answer that the vendor sent."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any, Final

import msgspec
import pytest

from app.wire import tags
from domain.usage import Usage
from tests.protocols.translated import anthropic_table, chat_table, gemini_table, responses_table
from tests.protocols.translated.expected import ANY, Call, Case, Choice, Dialect
from tests.protocols.translated.harness import (
    STREAMS,
    UPSTREAM,
    Client,
    Outcome,
    body_of,
    feedings,
    stream_of,
    streamed,
    whole,
)
from tests.protocols.translated.understood import Tokens, Understood, of_chat, of_responses, payloads
from tests.support.wire import responses_grammar
from tests.support.wire.streams import by_byte

TABLES: Final[dict[Dialect, tuple[Case, ...]]] = {
    "responses": responses_table.CASES,
    "chat": chat_table.CASES,
    "anthropic": anthropic_table.CASES,
    "gemini": gemini_table.CASES,
}
ALL: Final = [
    pytest.param(dialect, case, client, id=f"{dialect}-{case.name}-{client}")
    for dialect, cases in TABLES.items()
    for case in cases
    for client in case.clients
]
PLAIN: Final = [found for found in ALL if found.values[1].plain]  # type: ignore[union-attr]


def understood(client: Client, stream: bytes) -> Understood:
    return of_responses(stream) if client == "responses" else of_chat(stream)


def outcomes(dialect: Dialect, case: Case, client: Client) -> Iterator[tuple[str, Outcome]]:
    names = [case.name, *([case.then] if case.then else [])]
    fed = [feedings(stream_of(dialect, name), f"{dialect}/{name}") for name in names]
    for turns in zip(*fed, strict=True):
        yield turns[0][0], streamed(dialect, client, case, [pieces for _, pieces in turns])


@pytest.mark.parametrize(("dialect", "case", "client"), ALL)
def test_a_client_understands_the_vendors_answer(dialect: Dialect, case: Case, client: Client) -> None:
    (_, first), *others = outcomes(dialect, case, client)
    actual = understood(client, first.sent)
    if case.fault:
        check_fault(case, first, actual)
    else:
        check_answer(case, client, first, actual)
    for how, other in others:
        assert other.sent == first.sent, how
        assert first.sent.startswith(other.forwarded), how
        assert (other.usage, other.finish, other.output_bytes) == (first.usage, first.finish, first.output_bytes), how


def check_fault(case: Case, outcome: Outcome, raw: Understood) -> None:
    assert case.fault
    error = outcome.error
    assert error is not None, "the answer was taken for a good one"
    assert error.malformed == case.fault.malformed
    assert case.fault.type in (ANY, error.type)
    assert case.fault.code in (ANY, error.code)
    assert raw.error == error.message
    assert error.message
    said = raw.choices[0]
    assert case.said.text.startswith(said.text)
    assert said.text == case.said.text, "what was said before is sent"
    assert (said.calls, said.refusal, said.finish) in [((), "", ""), ((), "", "stop")]


def check_answer(case: Case, client: Client, outcome: Outcome, raw: Understood) -> None:
    assert outcome.error is None
    assert raw.error is None
    check_choices(case, client, raw.choices)
    check_usage(case.usage, outcome.usage, raw.usage)
    assert outcome.finish == ",".join(dict.fromkeys(choice.finish for choice in case.choices))
    # On chat a seal rides in the call that follows it, and is not needed where none does.
    sealed = case.sealed if client == "responses" or case.said.calls else ()
    assert len(raw.sealed) == len(sealed)
    for payload, tag in zip(sealed, raw.sealed, strict=True):
        own = tags.unseal(tag, UPSTREAM)
        assert own is not None, "a seal names another upstream"
        assert payload in own or payload.encode() in base64.b64decode(own)
    assert raw.images == case.images
    if client == "responses":
        assert raw.previews == case.previews
        assert raw.queries == case.queries
        assert raw.searches >= 1 if case.searches is None else raw.searches == case.searches
    check_count(case, outcome)


def check_choices(case: Case, client: Client, raw: tuple[Choice, ...]) -> None:
    assert len(raw) == len(case.choices)
    for wanted, said in zip(case.choices, raw, strict=True):
        assert (said.text, said.refusal, said.finish) == (wanted.text, wanted.refusal, wanted.finish)
        paragraphs = wanted.thought if client == "responses" else tuple(filter(None, ["\n\n".join(wanted.thought)]))
        assert said.thought == paragraphs
        assert said.citations == wanted.citations
        assert said.logprobs == wanted.logprobs
        check_calls(wanted.calls, said.calls)


def check_calls(wanted: tuple[Call, ...], said: tuple[Call, ...]) -> None:
    assert [(call.kind, call.name) for call in said] == [(call.kind, call.name) for call in wanted]
    assert [plain(call.arguments) for call in said] == [plain(call.arguments) for call in wanted]
    assert [call.id for call in said] == [
        entry.id if call.id == ANY else call.id for call, entry in zip(wanted, said, strict=True)
    ]
    assert len({call.id for call in said} - {""}) == len(said), "calls need ids of their own"


def plain(arguments: str) -> Any:
    """Arguments as a value; those that are cut, or free text, as they are."""
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments


def check_usage(wanted: Usage | None, billed: Usage | None, raw: Tokens | None) -> None:
    """`billed` is what the gateway prices, `raw` what the client reads."""
    check_billed(wanted, billed)
    assert raw == (None if wanted is None else tokens(wanted))


def tokens(used: Usage) -> Tokens:
    """Usage as OpenAI tells it."""
    written = used.cache_write + used.cache_write_1h
    return Tokens(used.input_tokens, used.cached_input, written, used.output_tokens, used.reasoning)


def check_billed(wanted: Usage | None, billed: Usage | None) -> None:
    if wanted is None or billed is None:
        assert billed is wanted
        return
    assert msgspec.structs.replace(billed, service_tier=None) == msgspec.structs.replace(wanted, service_tier=None)
    # A vendor's own word for its usual tier is none of OpenAI's.
    assert billed.service_tier in ({wanted.service_tier} if wanted.service_tier else {None, "default"})


def check_count(case: Case, outcome: Outcome) -> None:
    """Estimates start from the UTF-8 bytes that were sent. The empty arguments of a call may be two bytes added by the writer."""
    texts = [text for choice in case.choices for text in (choice.text, choice.refusal, *choice.thought)]
    size = sum(len(text.encode()) for text in texts)
    calls = [call for choice in case.choices for call in choice.calls]
    arguments = [call.arguments for call in calls]
    least = sum(len(compact(text).encode()) for text in arguments if plain(text) != {})
    most = sum(len(text.encode()) for text in arguments)
    assert size + least <= outcome.output_bytes - case.unseen_bytes <= size + most


def compact(arguments: str) -> str:
    value = plain(arguments)
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


@pytest.mark.parametrize(("dialect", "case", "client"), ALL)
def test_text_is_forwarded_as_it_arrives(dialect: Dialect, case: Case, client: Client) -> None:
    """All of it before the end of the answer, whose debit the last event waits for."""
    if case.fault or case.then:
        return
    outcome = streamed(dialect, client, case, [by_byte(stream_of(dialect, case.name))])
    found = [json.loads(data) for data in payloads(outcome.forwarded)]
    if client == "responses":
        actual = "".join(event["delta"] for event in found if event["type"] == "response.output_text.delta")
        assert not any(event["type"] in responses_grammar.CLOSING for event in found)
        assert actual == case.said.text
    else:
        choices = [choice for chunk in found for choice in chunk["choices"]]
        for index, wanted in enumerate(case.choices):
            mine = [choice["delta"].get("content") or "" for choice in choices if choice["index"] == index]
            assert "".join(mine) == wanted.text
        assert sum(choice["finish_reason"] is not None for choice in choices) < len(case.choices)


@pytest.mark.parametrize(("dialect", "case", "client"), ALL)
def test_a_responses_stream_keeps_the_grammar(dialect: Dialect, case: Case, client: Client) -> None:
    if client != "responses":
        return
    for how, outcome in outcomes(dialect, case, client):
        found = responses_grammar.events(outcome.sent)
        if [event["type"] for event in found] == ["error"]:
            assert case.fault, how
            continue
        final = responses_grammar.check_events(found)
        assert (final["status"] == "failed") == (case.fault is not None), how


@pytest.mark.parametrize(("dialect", "case", "client"), PLAIN)
def test_a_plain_answer_equals_its_stream(dialect: Dialect, case: Case, client: Client) -> None:
    body, usage = whole(dialect, client, case, body_of(dialect, case.name))
    streaming = streamed(dialect, client, case, [[stream_of(dialect, case.name)]])
    assert usage == streaming.usage
    answer = json.loads(body)
    if client == "responses":
        last = responses_grammar.check(streaming.sent)
        assert comparable(answer) == comparable(last)
        return
    actual = understood(client, streaming.sent)
    (choice,) = answer["choices"]
    message = choice["message"]
    assert (message["content"] or "", message["refusal"] or "") == (actual.choices[0].text, actual.choices[0].refusal)
    assert message.get("reasoning_content", "") == "".join(actual.choices[0].thought)
    check_calls(actual.choices[0].calls, tuple(map(chat_call, message.get("tool_calls", ()))))
    assert [note["url_citation"]["url"] for note in message["annotations"]] == [
        citation.url for citation in actual.choices[0].citations
    ]
    assert choice["finish_reason"] == actual.choices[0].finish
    assert answer["usage"] == next(event["usage"] for event in actual.events if event["usage"])


def chat_call(call: dict[str, Any]) -> Call:
    inner = call[call["type"]]
    return Call(call["id"], inner["name"], inner["arguments" if call["type"] == "function" else "input"], call["type"])


def comparable(response: Any) -> Any:
    """A response with its arguments as values: a stream has the vendor's blanks, an object has none."""
    if isinstance(response, dict):
        return {name: plain(value) if name == "arguments" else comparable(value) for name, value in response.items()}
    return [comparable(each) for each in response] if isinstance(response, list) else response


def test_every_stream_has_a_row_in_a_table() -> None:
    for dialect, cases in TABLES.items():
        named = [name for case in cases for name in (case.name, case.then) if name]
        assert sorted(named) == sorted(path.stem for path in (STREAMS / dialect).glob("*.sse"))
        assert len(cases) >= 20
        assert {case.name for case in cases if case.plain} == {path.stem for path in (STREAMS / dialect).glob("*.json")}


def test_a_pause_requests_the_rest_with_the_answer_so_far() -> None:
    (case,) = (case for case in anthropic_table.CASES if case.then)
    for _, outcome in outcomes("anthropic", case, "chat"):
        assert outcome.continued is not None
        messages = json.loads(outcome.continued)["messages"]
        assert messages[-1]["role"] == "assistant"
        assert [block["type"] for block in messages[-1]["content"]] == [
            "text",
            "server_tool_use",
            "web_search_tool_result",
        ]
        assert messages[-1]["content"][1]["input"] == {"query": "first"}
        assert messages[-1]["content"][2]["content"][0]["encrypted_content"] == "Er8cCioIARgB"
