"""An answer's message goes back into the next request as clients keep it, and is read as what had been said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletion

from app.wire.answer import (
    AnswerEvent,
    Began,
    CallBegun,
    CallDelta,
    CallDone,
    Cited,
    Ended,
    Finished,
    ImageBegun,
    ImageDone,
    Refused,
    Said,
    Thought,
    ThoughtBegun,
    ThoughtDone,
)
from app.wire.canonical import (
    CanonicalRequest,
    CustomCall,
    FunctionCall,
    ImageGenerationCall,
    Item,
    Message,
    Reasoning,
    Refusal,
    Text,
    bare,
)
from app.wire.chat.answer_writer import ChatWriter
from app.wire.chat.request_reader import read_chat
from app.wire.request import read_body
from app.wire.tags import seal

THOUGHT = (ThoughtBegun(0), Thought(0, "Hm"), ThoughtDone(0, seal("up", "one")))
CALL = (CallBegun(1, "a", "f"), CallDelta(1, "{}"), CallDone(1))
CUSTOM = (CallBegun(2, "b", "sql", "custom"), CallDelta(2, "SELECT 1"), CallDone(2))
SAID = Message("assistant", (Text("Yes"),))
SHOWN, SEALED = Reasoning(content=("Hm",)), Reasoning(sealed=seal("up", "one"))

CASES: dict[str, tuple[tuple[AnswerEvent, ...], tuple[Item, ...]]] = {
    "text": ((Said("Ye"), Said("s"), Cited("https://a.example/", "A", 0, 2)), (SAID,)),
    "refusal": ((Refused("No"),), (Message("assistant", (Refusal("No"),)),)),
    "calls": ((*CALL, *CUSTOM), (FunctionCall("a", "f", "{}"), CustomCall("b", "sql", "SELECT 1"))),
    "thought and call": ((*THOUGHT, *CALL), (SHOWN, SEALED, FunctionCall("a", "f", "{}"))),
    "thought, text and call": ((*THOUGHT, Said("Yes"), *CALL), (SHOWN, SEALED, SAID, FunctionCall("a", "f", "{}"))),
    "text, thought and call": ((Said("Yes"), *THOUGHT, *CALL), (SHOWN, SAID, SEALED, FunctionCall("a", "f", "{}"))),
    "image": ((ImageBegun(3), ImageDone(3, "QUJD")), (ImageGenerationCall("ig_1_0", "QUJD"),)),
}


def answered(*events: AnswerEvent) -> ChatCompletion:
    writer = ChatWriter(seed="0" * 32, model="m", created=1, fields={}, stream=False)
    body = b"".join(writer.write(event) for event in (Began(), *events, Finished("stop"), Ended()))
    return ChatCompletion.model_validate_json(body)


def read_back(message: Any) -> list[Any]:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}, message]}
    ask = read_chat(read_body(json.dumps(body).encode()), {})
    told: list[Any] = bare(ask)["items"][1:]
    return told


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("unset", "null"), [(True, True), (False, True), (False, False)])
def test_an_answer_comes_back_as_it_was(name: str, unset: bool, null: bool) -> None:
    events, items = CASES[name]
    message = (
        answered(*events).choices[0].message.model_dump(mode="json", exclude_unset=not unset, exclude_none=not null)
    )
    assert read_back(message) == bare(CanonicalRequest(endpoint="chat", model="m", items=items))["items"]
