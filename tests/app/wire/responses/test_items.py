"""Output items of a response, each kind with its events."""

from __future__ import annotations

from app.wire.tags import seal
from tests.support.wire import responses_grammar as grammar
from tests.support.wire.responses.answer_events import ANSWERS, SEARCHED
from tests.support.wire.responses.written_responses import SEED, Json, kinds, plain, streamed


def places(stream: bytes) -> list[tuple[str, int]]:
    found = grammar.events(stream)[2:-1]
    return [(event["type"].removeprefix("response."), event["output_index"]) for event in found]


def output(name: str, request: Json | None = None) -> list[Json]:
    result: list[Json] = plain(ANSWERS[name], request)["output"]
    return result


def test_a_refusal() -> None:
    assert output("refusal")[0]["content"] == [{"type": "refusal", "refusal": "I can't."}]
    content = output("text, refusal, text")[0]["content"]
    assert [part.get("text", part.get("refusal")) for part in content] == ["ab", "no"]


def test_parallel_calls_are_open_together() -> None:
    found = places(streamed(ANSWERS["parallel calls"]))[6:]
    assert found == [
        ("output_item.added", 1),
        ("output_item.added", 2),
        ("function_call_arguments.delta", 2),
        ("function_call_arguments.delta", 1),
        ("function_call_arguments.delta", 2),
        ("function_call_arguments.done", 1),
        ("output_item.done", 1),
        ("function_call_arguments.done", 2),
        ("output_item.done", 2),
    ]
    calls = output("parallel calls")[1:]
    assert [(call["call_id"], call["name"], call["arguments"]) for call in calls] == [
        ("call_a", "get_weather", '{"city":"Oslo"}'),
        ("call_b", "get_weather", '{"city":"Rome"}'),
    ]
    assert [call["id"] for call in calls] == [f"fc_{SEED}_1", f"fc_{SEED}_2"]


def test_calls_without_text() -> None:
    assert output("call without arguments")[0]["arguments"] == "{}"
    calls = output("custom calls")
    assert [(call["type"], call["input"]) for call in calls] == [
        ("custom_tool_call", "SELECT 1"),
        ("custom_tool_call", ""),
    ]
    assert calls[0]["id"] == f"ctc_{SEED}_0"


def test_reasoning_goes_out_sealed() -> None:
    first, second, _ = output("reasoning")
    summary = [{"type": "summary_text", "text": text} for text in ("First this.", "Then that.")]
    assert first == {
        "id": f"rs_{SEED}_0",
        "type": "reasoning",
        "status": "completed",
        "summary": summary,
        "encrypted_content": seal("up", "secret"),
    }
    assert (second["summary"], second["encrypted_content"]) == ([], None)
    assert kinds(streamed(ANSWERS["reasoning"]))[3:11] == [
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
    ]


def test_searches_and_citations() -> None:
    first, opened, failed, message = output("search and citation")
    assert first["action"] == {"type": "search", "query": "ledgers", "queries": ["ledgers"]}
    assert opened["action"] == {"type": "open_page", "url": "https://a"}
    assert (failed["status"], failed["action"]["query"]) == ("failed", "a")
    cited = {"type": "url_citation", "start_index": 0, "end_index": 7, "url": "https://a", "title": "A"}
    assert message["content"][0]["annotations"][0] == cited
    request = output("search and citation", {"include": ["web_search_call.action.sources"]})
    assert request[0]["action"]["sources"] == [{"type": "url", "url": "https://a"}]
    assert plain(ANSWERS["search and citation"])["tool_usage"]["web_search"] == {"num_requests": 2}


def test_a_late_search_is_separate_from_its_text() -> None:
    found = places(streamed(ANSWERS["search told of after text"]))
    assert [index for kind, index in found if kind == "output_item.added"] == [0, 1]
    assert [index for kind, index in found if kind == "output_item.done"] == [1, 0]
    message, search = output("search told of after text")
    assert message["content"][0]["text"] == "Ledgers balance."
    assert search["action"] == {"type": "search", "query": "", "queries": [""]}


def test_an_image() -> None:
    found = grammar.events(streamed(ANSWERS["image"]))
    partials = [event for event in found if event["type"].endswith("partial_image")]
    assert [(event["partial_image_index"], event["partial_image_b64"]) for event in partials] == [
        (0, "QQ=="),
        (1, "Qg=="),
    ]
    assert (partials[0]["size"], partials[0]["quality"]) == ("1024x1024", "low")
    image = output("image")[0]
    assert (image["result"], image["revised_prompt"], image["id"]) == ("QUI=", "An icon", f"ig_{SEED}_0")
    assert plain(ANSWERS["image"])["usage"]["output_tokens"] == SEARCHED.output + 5
