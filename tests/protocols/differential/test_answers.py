"""Answers are read by this gateway and by lm15, an independent library. Each disagreement has its reason next to it.

A disagreement that disappears is a failure too, so the table never lists one that no longer exists.
"""

from __future__ import annotations

import json
from typing import Final

import pytest

from app.wire.exchange import AnswerError
from tests.protocols.differential import second_opinion
from tests.protocols.differential.second_opinion import Opinion
from tests.protocols.translated.expected import Case, Choice, Dialect
from tests.protocols.translated.harness import body_of, stream_of, streamed, whole
from tests.protocols.translated.recorded_table import RECORDED
from tests.protocols.translated.test_recorded import PRESENT, dialect_of
from tests.protocols.translated.test_recorded import stream_of as recorded_stream
from tests.protocols.translated.test_translated import TABLES, chat_call, plain, understood
from tests.support.paths import RECORDINGS

DISAGREEMENTS: Final[dict[str, tuple[set[str], str]]] = {
    "responses/refusal.sse": ({"text", "refusal"}, "lm15 streams a refusal as text"),
    "responses/arguments_in_done.sse": ({"calls"}, "lm15 reads arguments from deltas only"),
    "responses/text_in_done.sse": ({"text"}, "lm15 reads text from deltas only"),
    "responses/arguments_cut.sse": ({"broken"}, "lm15 does not know response.incomplete, and misses the end"),
    "responses/length.sse": ({"broken"}, "lm15 does not know response.incomplete, and misses the end"),
    "responses/filtered.sse": ({"broken"}, "lm15 does not know response.incomplete, and misses the end"),
    "responses/length_in_reasoning.sse": ({"broken"}, "lm15 does not know response.incomplete, and misses the end"),
    "responses/no_usage.sse": ({"broken"}, "lm15 cannot read a response whose usage is null"),
    "responses/custom_tool.sse": ({"calls", "finish"}, "lm15 has no custom tools"),
    "responses/done_early.sse": ({"broken"}, "lm15 takes [DONE] for an end, though the response was never closed"),
    "chat/refusal.sse": ({"refusal"}, "lm15 reads no refusal from a stream"),
    "chat/error_flat.sse": (
        {"broken"},
        "lm15 does not know vLLM's flat error, and takes the cut answer for a whole one",
    ),
    "chat/two_choices.sse": ({"text"}, "lm15 has one choice, and puts what all of them say into it"),
    "responses/usage_no_count.sse": ({"broken"}, "lm15 refuses a figure that is not a count; the gateway estimates it"),
    "chat/usage_no_count.sse": ({"broken"}, "lm15 refuses a figure that is not a count; the gateway estimates it"),
    "anthropic/usage_no_count.sse": ({"broken"}, "lm15 refuses a figure that is not a count; the gateway estimates it"),
    "gemini/usage_no_count.sse": ({"broken"}, "lm15 refuses a figure that is not a count; the gateway estimates it"),
    "chat/done_early.sse": ({"broken"}, "lm15 takes [DONE] for an end, though no finish_reason came"),
    "chat/without_index.sse": ({"calls"}, "lm15 takes calls without an index for one call"),
    "anthropic/no_start.sse": ({"broken"}, "lm15 does not mind that the answer never began"),
    "anthropic/web_search.sse": (
        {"broken"},
        "lm15 takes the input of a server tool, whose deltas are written like a function's, for that of a function without a name",
    ),
    "anthropic/pause.sse": ({"broken"}, "the same"),
    "gemini/text.sse": ({"text"}, "lm15 puts all first parts of the chunks before all second ones"),
    "gemini/unknown.sse": ({"text"}, "the same: the text that came first was a third part"),
    "gemini/parallel_tools.sse": (
        {"calls"},
        "lm15 numbers calls by chunk, and joins the arguments of two chunks' first calls",
    ),
    "gemini/two_candidates.sse": ({"text"}, "lm15 has one choice, and puts what all of them say into it"),
    "gemini/safety.sse": (
        {"broken"},
        "lm15 raises for an answer that a filter ended; OpenAI has a finish for it, and it is billed",
    ),
    "gemini/safety_midway.sse": ({"broken"}, "the same"),
    "gemini/recitation.sse": ({"broken"}, "the same"),
    "gemini/prompt_blocked.sse": ({"broken"}, "the same, for a prompt"),
    "anthropic/anthropic-web-search-tool.1.chunks.txt": (
        {"broken"},
        "lm15 takes a server tool's input for a function's, as above",
    ),
    "responses/openai-custom-tool.1.chunks.txt": ({"calls", "finish"}, "lm15 has no custom tools"),
    "responses/openai-custom-tool.1.json": ({"calls", "finish"}, "lm15 has no custom tools"),
    "responses/openai-reasoning-encrypted-content.1.chunks.txt": (
        {"calls", "text"},
        "the file holds four answers: here the first is the answer, lm15 reads on",
    ),
}


def ours(dialect: Dialect, case: Case, streams: list[bytes]) -> Opinion:
    client = case.clients[0]
    outcome = streamed(dialect, client, case, [[data] for data in streams])
    if outcome.error:
        return Opinion(broken=type(outcome.error).__name__)
    return of_choice(understood(client, outcome.sent).choices[0])


def of_whole(dialect: Dialect, case: Case, body: bytes) -> Opinion:
    try:
        answer, _ = whole(dialect, "chat", case, body)
    except AnswerError as error:
        return Opinion(broken=type(error).__name__)
    (choice,) = json.loads(answer)["choices"]
    message = choice["message"]
    return Opinion(
        message["content"] or "",
        message["refusal"] or "",
        message.get("reasoning_content", ""),
        tuple(map(chat_call, message.get("tool_calls", ()))),
        choice["finish_reason"],
    )


def of_choice(choice: Choice) -> Opinion:
    return Opinion(choice.text, choice.refusal, "".join(choice.thought), choice.calls, choice.finish)


def differing(one: Opinion, other: Opinion) -> set[str]:
    if one.broken or other.broken:
        return set() if one.broken and other.broken else {"broken"}
    found = {name for name in ("text", "refusal", "finish") if getattr(one, name) != getattr(other, name)}
    # Where paragraphs of reasoning are joined, each has blanks of its own.
    if one.thought.split() != other.thought.split():
        found.add("thought")
    calls = [[(call.name, arguments_of(call.arguments)) for call in opinion.calls] for opinion in (one, other)]
    return found | ({"calls"} if calls[0] != calls[1] else set())


def arguments_of(text: str) -> object:
    """lm15 gives arguments that are no JSON as an object with the text that there is of them."""
    value = plain(text)
    return value["partial_json"] if isinstance(value, dict) and value.keys() == {"partial_json"} else value


def agree(name: str, one: Opinion, other: Opinion) -> None:
    wanted, why = DISAGREEMENTS.get(name, (set(), "they agree"))
    assert differing(one, other) == wanted, why


OWN: Final = [(dialect, case) for dialect, cases in TABLES.items() for case in cases]
PLAIN: Final = [(dialect, case) for dialect, case in OWN if case.plain]


@pytest.mark.parametrize(("dialect", "case"), [pytest.param(*each, id=f"{each[0]}-{each[1].name}") for each in OWN])
def test_two_readers_of_a_stream_agree(dialect: Dialect, case: Case) -> None:
    streams = [stream_of(dialect, name) for name in (case.name, case.then) if name]
    agree(f"{dialect}/{case.name}.sse", ours(dialect, case, streams), second_opinion.of_stream(dialect, streams[0]))


@pytest.mark.parametrize(("dialect", "case"), [pytest.param(*each, id=f"{each[0]}-{each[1].name}") for each in PLAIN])
def test_two_readers_of_a_body_agree(dialect: Dialect, case: Case) -> None:
    body = body_of(dialect, case.name)
    agree(f"{dialect}/{case.name}.json", of_whole(dialect, case, body), second_opinion.of_body(dialect, body))


@pytest.mark.parametrize("name", [name for name in PRESENT if name.endswith(".txt")])
def test_two_readers_of_a_recorded_stream_agree(name: str) -> None:
    stream = recorded_stream(name)
    agree(name, ours(dialect_of(name), Case(name), [stream]), second_opinion.of_stream(dialect_of(name), stream))


@pytest.mark.parametrize("name", [name for name in PRESENT if name.endswith(".json")])
def test_two_readers_of_a_recorded_body_agree(name: str) -> None:
    body = (RECORDINGS / name).read_bytes()
    theirs = second_opinion.of_body(dialect_of(name), body, status=429 if RECORDED[name].fault else 200)
    agree(name, of_whole(dialect_of(name), Case(name), body), theirs)


def test_every_disagreement_names_an_existing_answer() -> None:
    own = {f"{dialect}/{case.name}.{end}" for dialect, case in OWN for end in ("sse", "json")}
    assert set(DISAGREEMENTS) <= own | set(RECORDED)
