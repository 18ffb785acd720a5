"""Writes a conversation as Gemini's contents: turns with the roles user and model, and a separate system instruction.

Rule 1: consecutive parts with the same role are one turn; functionResponse parts belong to the user, and come first in the turn.
Rule 2: a signature is put on the part that follows its Reasoning item in the model's turn. If no part follows, the signature gets a
        separate, empty text part, like the one that Gemini sends at the end of a stream.
Rule 3: Gemini 3 rejects a turn whose first call has no signature. If there is none (another model made the call, or the client did
        not keep it), the documented bypass is used.
Rule 4: an output is always sent as text, {"output": "..."}: in a client's own object, Gemini would read `$ref`, `output` and
        `error` as its own words.
Rule 5: the user comes first: Gemini rejects a call that follows no turn of the user. If the model begins the conversation, or there
        are only instructions or a blank message, OPENING is put before it. After an answer, a blank message of the user is BLANK.
Rule 6: left out: searches of earlier turns (the text that follows contains their findings), reasoning that this upstream did not
        sign, file names.
"""

from __future__ import annotations

from typing import Any, Final, assert_never

from app.wire.arguments import arguments_object
from app.wire.canonical import (
    PARAMS,
    CanonicalRequest,
    CustomCall,
    CustomCallOutput,
    File,
    FunctionCall,
    FunctionCallOutput,
    Image,
    ImageGenerationCall,
    Item,
    Message,
    Part,
    Reasoning,
    Refusal,
    Target,
    Text,
    WebSearchCall,
    ends_with_the_user,
    unsupported_field,
)
from app.wire.exchange import RequestError
from app.wire.gemini.family import family
from app.wire.gemini.media import inline, media_part
from app.wire.tags import unseal

OPENING: Final = "(The conversation begins.)"
BLANK: Final = "(An empty message.)"
NO_SIGNATURE: Final = "skip_thought_signature_validator"

Json = dict[str, Any]


def write_contents(request: CanonicalRequest, target: Target) -> Json:
    """The member `contents` and, if there are instructions, `systemInstruction`."""
    conversation = _Conversation(request, target)
    for item in request.items:
        conversation.add(item)
    return conversation.members()


class _Conversation:
    def __init__(self, request: CanonicalRequest, target: Target) -> None:
        self._request = request
        self._target = target
        self._newest = family(target.model).newest
        self._system: list[Json] = [{"text": request.instructions}] if request.instructions else []
        self._turns: list[Json] = []
        self._names: dict[str, str] = {}
        self._signature: str | None = None
        self._turn_has_call = False
        self._outputs_in_turn = 0

    def members(self) -> Json:
        self._flush_signature()
        blank = ends_with_the_user(self._request)
        if self._turns and self._turns[-1]["role"] == "model" and blank:
            self._put("user", {"text": BLANK})
        if not self._turns and not self._system and not blank:
            raise unsupported_field(self._request, "items", "This model needs a user message.")
        if not self._turns or self._turns[0]["role"] == "model":
            self._turns.insert(0, {"role": "user", "parts": [{"text": OPENING}]})
        instruction = {"systemInstruction": {"parts": self._system}} if self._system else {}
        return instruction | {"contents": self._turns}

    def add(self, item: Item) -> None:
        match item:
            case Message():
                self._message(item)
            case FunctionCall():
                self._call(item)
            case FunctionCallOutput():
                self._output(item)
            case Reasoning():
                self._reasoning(item)
            case ImageGenerationCall():
                self._put("model", inline(item.media_type, item.data))
            case WebSearchCall():
                pass
            case CustomCall() | CustomCallOutput():
                raise unsupported_field(
                    self._request, item.at or "items", "This model does not support custom tools: use functions."
                )
            case _:
                assert_never(item)

    def _message(self, message: Message) -> None:
        at = message.at or PARAMS[self._request.endpoint]["items"]
        if message.name is not None and message.role != "assistant":
            raise unsupported_field(
                self._request,
                f"{at}.name",
                "This model does not support participant names: put the name into the text.",
            )
        for part in message.parts:
            written = self._part(part)
            if written is None:
                continue
            if message.role in ("system", "developer"):
                if "text" not in written:
                    raise unsupported_field(
                        self._request, part.at or at, "This model supports only text as instructions."
                    )
                self._system.append(written)
            else:
                self._put("model" if message.role == "assistant" else "user", written)

    def _part(self, part: Part) -> Json | None:
        """None for empty text, which Gemini rejects."""
        match part:
            case Text() | Refusal():
                return {"text": part.text} if part.text else None
            case Image() | File():
                return media_part(part, self._request, self._target)
            case _:
                assert_never(part)

    def _call(self, call: FunctionCall) -> None:
        self._names[call.call_id] = call.name
        arguments = arguments_object(call.arguments)
        if self._newest and self._signature is None and not (self._in_turn_of("model") and self._turn_has_call):
            self._signature = NO_SIGNATURE
        self._put("model", {"functionCall": {"id": call.call_id, "name": call.name, "args": arguments}})
        self._turn_has_call = True

    def _output(self, output: FunctionCallOutput) -> None:
        at = output.at or PARAMS[self._request.endpoint]["items"]
        name = self._names.get(output.call_id)
        if name is None:
            raise _invalid(at, "no earlier call has this output's call_id.")
        text = "".join(part.text for part in output.parts if isinstance(part, Text | Refusal))
        answer: Json = {"id": output.call_id, "name": name, "response": {"output": text}}
        media = [self._output_media(part, at) for part in output.parts if isinstance(part, Image | File)]
        self._put("user", {"functionResponse": answer | ({"parts": media} if media else {})})
        parts = self._turns[-1]["parts"]
        parts.insert(self._outputs_in_turn, parts.pop())
        self._outputs_in_turn += 1

    def _output_media(self, part: Image | File, at: str) -> Json:
        if not self._newest:
            raise unsupported_field(
                self._request, part.at or at, "This model supports only text as the output of a function."
            )
        if part.url is not None:
            raise unsupported_field(
                self._request,
                part.at or at,
                "This model does not fetch URLs in the output of a function: send the data inline.",
            )
        return media_part(part, self._request, self._target)

    def _reasoning(self, reasoning: Reasoning) -> None:
        signature = unseal(reasoning.sealed, self._target.upstream) if reasoning.sealed else None
        if signature:
            self._flush_signature()
            self._signature = signature

    def _put(self, role: str, part: Json) -> None:
        if role == "user":
            self._flush_signature()
        elif self._signature is not None:
            part["thoughtSignature"] = self._signature
            self._signature = None
        if not self._in_turn_of(role):
            self._turns.append({"role": role, "parts": []})
            self._turn_has_call, self._outputs_in_turn = False, 0
        self._turns[-1]["parts"].append(part)

    def _flush_signature(self) -> None:
        if self._signature is not None:
            self._put("model", {"text": ""})

    def _in_turn_of(self, role: str) -> bool:
        return bool(self._turns) and self._turns[-1]["role"] == role


def _invalid(param: str, why: str) -> RequestError:
    return RequestError(f"Invalid value for '{param}': {why}", param=param, code="invalid_value")
