"""A vendor that speaks Gemini's generateContent, whole and streamed (v1beta): it validates a request as Google does, and answers
it.

Law 1: it rejects what Google rejects, with 400 in Google's envelope; the message names the broken rule.
Law 2: usage figures are constants, written out here, so that tests compute bills by hand.
Law 3: answers have the shapes of recorded ones: each chunk is a whole response, figures grow from chunk to chunk, lines end in
CRLF.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from tests.fakes.openai_shapes import event_stream, json_answer
from tests.fakes.upstream_script import Request, Script, Step
from tests.fakes.vendor_story import (
    SEARCH_BEFORE,
    SEARCH_CITED,
    SEARCH_QUERY,
    SEARCH_TEXT,
    SEARCH_TITLE,
    SEARCH_URL,
    TELLTALE,
    TEXT,
    THOUGHT,
    BrokenRule,
    Json,
    arguments_for,
    cities_in,
    decoded,
    image,
    pieces,
    rule,
    sample,
    summary,
    told_of,
)

RESPONSE_ID = "b36LacScripted"
CALL_SIGNATURE = "EqUCCqICScriptedCall=="
TEXT_SIGNATURE = "EqsFCqgFScriptedText=="
BYPASS = "skip_thought_signature_validator"
USAGE: Json = {
    "promptTokenCount": 150,
    "cachedContentTokenCount": 40,
    "candidatesTokenCount": 20,
    "thoughtsTokenCount": 8,
    "totalTokenCount": 178,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 150}],
}
"""Disjoint: 110 fresh and 40 cached of the prompt; 28 written, 8 of them thought."""
SEARCH_TOKENS = 10
"""Tokens read from search results, in addition to the prompt."""
IMAGE_TOKENS = 1290
"""Tokens of an image that is returned instead of 20 tokens of text; those 20 are counted separately."""

_PATH = re.compile(r"/v1beta/models/([\w.\-]+):(generateContent|streamGenerateContent\?alt=sse)")
_MEMBERS = {"contents", "systemInstruction", "tools", "toolConfig", "generationConfig"}


def gemini_script(request: Request) -> Script:
    try:
        model, stream, body = checked(request)
        parts, grounding = _answer(model, body)
    except BrokenRule as broken:
        return gemini_error(400, "INVALID_ARGUMENT", f"{broken} {TELLTALE}")
    return answer_script(parts, model, stream=stream, grounding=grounding)


def gemini_error(
    status: int,
    name: str,
    message: str = f"Nothing came of it. {TELLTALE}",
    *,
    details: Iterable[Json] = (),
) -> list[Step]:
    return json_answer(error_body(status, name, message, details=details), status=status)


def error_body(
    status: int, name: str, message: str = f"Nothing came of it. {TELLTALE}", *, details: Iterable[Json] = ()
) -> Json:
    return {"error": {"code": status, "message": message, "status": name, "details": list(details)}}


def retry_info(seconds: float) -> list[Json]:
    """The details of a 429, as recorded."""
    quota = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
    return [
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": quota}]},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{seconds}s"},
    ]


# -- The rules of the API ---------------------------------------------------------------------------------------------


def checked(request: Request) -> tuple[str, bool, Json]:
    """Model, whether it streams, and the body of a request that Google takes. Raises BrokenRule."""
    found = _PATH.fullmatch(request.path)
    rule(request.method == "POST" and found is not None, f"There is nothing at {request.path}.")
    assert found is not None
    rule(request.header("x-goog-api-key") is not None, "x-goog-api-key is missing.")
    rule(request.header("authorization") is None, "There are two credentials.")
    body: Json = request.json()
    rule(body.keys() <= _MEMBERS, f"Unknown name {sorted(body.keys() - _MEMBERS)}.")
    rule(bool(body.get("contents")), "contents is not specified.")
    rule(type(body["generationConfig"].get("maxOutputTokens")) is int, "maxOutputTokens is what was held for.")
    kinds = {kind for tool in body.get("tools", ()) for kind in tool}
    rule(not kinds >= {"googleSearch", "functionDeclarations"}, "Tools of both kinds are unsupported together.")
    _check_turns(body["contents"], newest=found[1].startswith("gemini-3"))
    return found[1], found[2] != "generateContent", body


def _check_turns(contents: list[Json], *, newest: bool) -> None:
    asked: list[Json] = []
    for number, turn in enumerate(contents):
        rule(turn["role"] in ("user", "model"), f"contents[{number}]: a role is user or model.")
        rule(bool(turn["parts"]), f"contents[{number}]: parts is empty.")
        calls = [part["functionCall"] for part in turn["parts"] if "functionCall" in part]
        answers = [part["functionResponse"] for part in turn["parts"] if "functionResponse" in part]
        rule(turn["role"] == "model" or not calls, f"contents[{number}]: the model calls functions.")
        named = [(answer.get("id"), answer["name"]) for answer in answers]
        wanted = [(call.get("id"), call["name"]) for call in asked]
        rule(sorted(named) == sorted(wanted), f"contents[{number}]: function responses do not match the calls before.")
        rule(all(isinstance(answer["response"], dict) for answer in answers), "A function response is an object.")
        _check_signatures(turn["parts"], newest=newest)
        asked = calls
    rule(not asked, "The last function call has no response.")


def _check_signatures(parts: list[Json], *, newest: bool) -> None:
    given = {part["thoughtSignature"] for part in parts if "thoughtSignature" in part}
    rule(given <= {CALL_SIGNATURE, TEXT_SIGNATURE, BYPASS}, "Thought signature is not valid.")
    first = next((part for part in parts if "functionCall" in part), None)
    rule(not newest or first is None or "thoughtSignature" in first, "Function call is missing a thought_signature.")


# -- The answer -------------------------------------------------------------------------------------------------------


def _answer(model: str, body: Json) -> tuple[list[Json], Json]:
    """The parts of the answer, and the members that a search adds."""
    last, config = body["contents"][-1]["parts"], body["generationConfig"]
    functions = [each for tool in body.get("tools", ()) for each in tool.get("functionDeclarations", ())]
    answers = [part["functionResponse"]["response"] for part in last if "functionResponse" in part]
    files = [part["inlineData"] for part in last if part.get("inlineData", {}).get("mimeType") == "application/pdf"]
    calling = body.get("toolConfig", {}).get("functionCallingConfig", {})
    question = " ".join(part.get("text", "") for part in last)
    before = [thought_part()] if config.get("thinkingConfig", {}).get("includeThoughts") else []
    if answers:
        told = told_of(answer["output"] for answer in answers)
        return [*before, text_part(told)], {}
    if functions and calling.get("mode") != "NONE":
        return [*before, *_calls(functions, calling.get("allowedFunctionNames"), question)], {}
    if "responseJsonSchema" in config:
        return [text_part(msgspec.json.encode(sample(config["responseJsonSchema"])).decode())], {}
    if files:
        return [text_part(" ".join(summary(decoded(file["data"])) for file in files))], {}
    if "IMAGE" in config.get("responseModalities", ()):
        rule("image" in model, "This model does not support the requested response modalities: image.")
        return [{"inlineData": {"mimeType": "image/png", "data": image()}, "thoughtSignature": TEXT_SIGNATURE}], {}
    if any("googleSearch" in tool for tool in body.get("tools", ())):
        return [text_part(SEARCH_TEXT)], grounding_metadata()
    return [*before, text_part(TEXT)], {}


def _calls(functions: list[Json], allowed: list[str] | None, question: str) -> list[Json]:
    """One call for each city; of parallel calls the first has the signature."""
    tool = next(each for each in functions if allowed is None or each["name"] in allowed)
    calls: list[Json] = []
    for city in cities_in(question):
        call = {"name": tool["name"], "args": arguments_for(tool.get("parametersJsonSchema"), city)}
        calls.append({"functionCall": call} | ({} if calls else {"thoughtSignature": CALL_SIGNATURE}))
    return calls


def text_part(text: str) -> Json:
    return {"text": text, "thoughtSignature": TEXT_SIGNATURE}


def thought_part() -> Json:
    return {"text": THOUGHT, "thought": True}


def grounding_metadata() -> Json:
    """Indices count bytes of UTF-8."""
    start = len(SEARCH_BEFORE.encode())
    segment = {"startIndex": start, "endIndex": start + len(SEARCH_CITED.encode()), "text": SEARCH_CITED}
    return {
        "webSearchQueries": [SEARCH_QUERY],
        "searchEntryPoint": {"renderedContent": "<div>news</div>"},
        "groundingChunks": [{"web": {"uri": SEARCH_URL, "title": SEARCH_TITLE}}],
        "groundingSupports": [{"segment": segment, "groundingChunkIndices": [0]}],
    }


# -- How it is sent ---------------------------------------------------------------------------------------------------


def answer_script(parts: list[Json], model: str, *, stream: bool, grounding: Json, finish: str = "STOP") -> Script:
    usage = _usage(parts, grounding)
    if stream:
        return event_stream(frames(parts, model, usage, grounding, finish))
    return json_answer(_response(parts, model, usage, finish=finish, grounding=grounding))


def frames(parts: list[Json], model: str, usage: Json, grounding: Json, finish: str) -> list[bytes]:
    """A text comes in pieces, its signature at the end in an empty part; all else comes whole."""
    chunks: list[list[Json]] = []
    for part in parts:
        if "text" not in part:
            chunks.append([part])
            continue
        bare = {name: value for name, value in part.items() if name != "thoughtSignature"}
        chunks += [[{**bare, "text": piece}] for piece in pieces(part["text"])]
        if "thoughtSignature" in part:
            chunks.append([{"text": "", "thoughtSignature": part["thoughtSignature"]}])
    growing = {**usage, "candidatesTokenCount": 1, "totalTokenCount": usage["totalTokenCount"] - 1}
    made = [_frame(_response(chunk, model, growing)) for chunk in chunks]
    return [*made, _frame(_response([{"text": ""}], model, usage, finish=finish, grounding=grounding))]


def error_frame(status: int, name: str) -> bytes:
    return _frame(error_body(status, name))


def _usage(parts: list[Json], grounding: Json) -> Json:
    usage = dict(USAGE)
    if grounding:
        usage |= {"toolUsePromptTokenCount": SEARCH_TOKENS, "totalTokenCount": USAGE["totalTokenCount"] + SEARCH_TOKENS}
    if any("inlineData" in part for part in parts):
        usage["candidatesTokenCount"] += IMAGE_TOKENS
        usage["totalTokenCount"] += IMAGE_TOKENS
        usage["candidatesTokensDetails"] = [{"modality": "IMAGE", "tokenCount": IMAGE_TOKENS}]
    return usage


def _response(
    parts: list[Json], model: str, usage: Json, *, finish: str | None = None, grounding: Json | None = None
) -> Json:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    if grounding:
        candidate["groundingMetadata"] = grounding
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model, "responseId": RESPONSE_ID}


def _frame(chunk: Json) -> bytes:
    return b"data: " + msgspec.json.encode(chunk) + b"\r\n\r\n"
