"""Client requests as JSON: every documented parameter of both endpoints, with valid and invalid values.

Rule: a value is valid by OpenAI's own reference, whether or not this gateway offers it.
"""

from __future__ import annotations

from typing import Any, Final

from app.wire.exchange import Endpoint
from app.wire.tags import seal

Json = dict[str, Any]

PNG: Final = "data:image/png;base64,iVBORw0KGgo="
PDF: Final = "data:application/pdf;base64,JVBERi0xLjcK"
SCHEMA: Final[Json] = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "Which town"}, "days": {"type": ["integer", "null"]}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
LARK: Final = {"syntax": "lark", "definition": 'start: "SELECT"'}
WHERE: Final = {"type": "approximate", "city": "Oslo", "country": "NO", "timezone": "Europe/Oslo"}

_SHARED: Final[dict[str, tuple[Any, ...]]] = {
    "stream": (True, False, None),
    "store": (False, True),
    "parallel_tool_calls": (True, False),
    "temperature": (0, 0.5, 1.7),
    "top_p": (1, 0.25),
    "top_logprobs": (0, 3, 20),
    "service_tier": ("auto", "default", "flex", "priority"),
    "metadata": ({"order": "17"}, {}),
    "user": ("user-1234",),
    "safety_identifier": ("hash-1234",),
    "prompt_cache_key": ("cache-1",),
    "prompt_cache_retention": ("24h", "in_memory"),
}

_RESPONSES_TURN: Final[list[Json]] = [
    {"role": "user", "content": "What is the weather?"},
    {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "Hm"}],
        "encrypted_content": seal("vendor", "c2ln"),
    },
    {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "call_1",
        "name": "get_weather",
        "arguments": '{"city":"Oslo","days":null}',
    },
    {"type": "function_call_output", "call_id": "call_1", "output": "sunny in Oslo"},
    {
        "type": "message",
        "id": "msg_1",
        "status": "completed",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "It is sunny.", "annotations": [], "logprobs": []}],
    },
    {"role": "user", "content": [{"type": "input_text", "text": "And tomorrow?"}]},
]
_RESPONSES_MEDIA: Final[list[Json]] = [
    {
        "role": "user",
        "content": [
            {"type": "input_text", "text": "Compare these."},
            {"type": "input_image", "image_url": PNG, "detail": "low"},
            {"type": "input_image", "image_url": "https://example.com/a.png"},
            {"type": "input_file", "filename": "a.pdf", "file_data": PDF},
            {"type": "input_file", "file_url": "https://example.com/b.pdf"},
        ],
    }
]
_RESPONSES_CUSTOM: Final[list[Json]] = [
    {"role": "developer", "content": "Only SQL."},
    {"role": "user", "content": "How many?"},
    {"type": "custom_tool_call", "call_id": "call_2", "name": "sql", "input": "SELECT 1"},
    {"type": "custom_tool_call_output", "call_id": "call_2", "output": [{"type": "input_text", "text": "one row"}]},
    {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "ledgers"}},
    {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "QUJD"},
    {"role": "assistant", "content": [{"type": "refusal", "refusal": "I cannot."}]},
    {"role": "user", "content": "Why?"},
]
_CHAT_TURN: Final[list[Json]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "What is the weather?", "name": "ann"},
    {
        "role": "assistant",
        "content": "I will look.",
        "tool_calls": [
            {
                "id": "call_1",
                "type": "function",
                "function": {"name": "get_weather", "arguments": '{"city":"Oslo","days":null}'},
                "extra_content": {"realrouter": {"reasoning": seal("vendor", "c2ln")}},
            }
        ],
    },
    {"role": "tool", "tool_call_id": "call_1", "content": "sunny in Oslo"},
    {"role": "assistant", "content": "It is sunny.", "refusal": None, "annotations": []},
    {"role": "user", "content": [{"type": "text", "text": "And tomorrow?"}]},
]
_CHAT_MEDIA: Final[list[Json]] = [
    {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "Compare these."},
            {"type": "image_url", "image_url": {"url": PNG, "detail": "high"}},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": PDF}},
        ],
    },
]
_CHAT_OLD: Final[list[Json]] = [
    {"role": "user", "content": "Look it up."},
    {"role": "assistant", "content": None, "function_call": {"name": "get_weather", "arguments": '{"city":"Rome"}'}},
    {"role": "function", "name": "get_weather", "content": "rain in Rome"},
    {"role": "assistant", "content": None, "refusal": "I cannot say."},
    {"role": "user", "content": "Why?"},
]

VALID: Final[dict[Endpoint, dict[str, tuple[Any, ...]]]] = {
    "responses": {
        **_SHARED,
        "input": ("Hello there", _RESPONSES_TURN, _RESPONSES_MEDIA, _RESPONSES_CUSTOM),
        "instructions": ("Answer in French.", None),
        "max_output_tokens": (16, 100_000),
        "max_tool_calls": (1, 5),
        "tools": (
            [
                {
                    "type": "function",
                    "name": "get_weather",
                    "description": "By city",
                    "parameters": SCHEMA,
                    "strict": True,
                }
            ],
            [
                {"type": "custom", "name": "sql", "description": "Runs SQL", "format": {"type": "grammar", **LARK}},
                {"type": "function", "name": "get_weather", "parameters": SCHEMA, "strict": False},
            ],
            [{"type": "web_search", "search_context_size": "low", "user_location": WHERE}],
            [{"type": "web_search_preview", "filters": {"allowed_domains": ["example.com"]}}],
            [{"type": "web_search"}, {"type": "web_search", "filters": {"allowed_domains": ["example.com"]}}],
            [{"type": "image_generation", "size": "1024x1024", "quality": "low", "partial_images": 2}],
            [],
        ),
        "tool_choice": (
            "auto",
            "none",
            "required",
            {"type": "function", "name": "get_weather"},
            {"type": "custom", "name": "sql"},
        ),
        "text": (
            {"format": {"type": "json_schema", "name": "reply", "schema": SCHEMA, "strict": True}},
            {"format": {"type": "json_object"}, "verbosity": "low"},
            {"format": {"type": "text"}},
        ),
        "reasoning": ({"effort": "low", "summary": "auto"}, {"effort": "none"}, {"summary": "detailed"}, {}),
        "include": (
            ["reasoning.encrypted_content"],
            ["message.output_text.logprobs"],
            ["web_search_call.action.sources"],
        ),
        "truncation": ("disabled", "auto"),
        "stream_options": ({"include_obfuscation": False},),
        "background": (False, True),
        "previous_response_id": (None, "resp_1"),
        "conversation": (None, "conv_1", {"id": "conv_1"}),
        "prompt": (None, {"id": "pmpt_1"}),
        "client_metadata": ({"a": "b"},),
    },
    "chat": {
        **_SHARED,
        "messages": ([{"role": "user", "content": "Hello there"}], _CHAT_TURN, _CHAT_MEDIA, _CHAT_OLD),
        "n": (1, 2),
        "max_tokens": (16, 4_000),
        "max_completion_tokens": (16, 4_000),
        "presence_penalty": (0, -1.5),
        "frequency_penalty": (0, 1.5),
        "seed": (7, -(2**40)),
        "stop": ("END", ["END", "\n\n"], []),
        "logprobs": (True, False),
        "logit_bias": ({"50256": -100}, {}),
        "reasoning_effort": ("low", "none", "xhigh"),
        "verbosity": ("low", "high"),
        "response_format": (
            {"type": "json_schema", "json_schema": {"name": "reply", "schema": SCHEMA, "strict": True}},
            {"type": "json_object"},
            {"type": "text"},
        ),
        "tools": (
            [{"type": "function", "function": {"name": "get_weather", "description": "By city", "parameters": SCHEMA}}],
            [{"type": "custom", "custom": {"name": "sql", "format": {"type": "grammar", "grammar": LARK}}}],
            [{"type": "web_search", "user_location": WHERE}],
            [],
        ),
        "tool_choice": ("auto", "none", "required", {"type": "function", "function": {"name": "get_weather"}}),
        "functions": ([{"name": "get_weather", "parameters": SCHEMA}],),
        "function_call": ("auto", "none", {"name": "get_weather"}),
        "web_search_options": (
            {},
            {"search_context_size": "high", "user_location": {"type": "approximate", "approximate": {"city": "Oslo"}}},
        ),
        "modalities": (["text"], ["text", "audio"]),
        "audio": (None, {"voice": "alloy", "format": "mp3"}),
        "prediction": (None, {"type": "content", "content": "Hello"}),
        "stream_options": ({"include_usage": True}, {"include_usage": False, "include_obfuscation": True}),
    },
}
"""Of each parameter, values that are right by themselves."""

WRONG: Final[tuple[Any, ...]] = (
    True,
    -1,
    1.5,
    10**12,
    "nonsense",
    "",
    [],
    [1],
    [{}],
    {},
    {"type": "nonsense"},
    {"nonsense": 1},
    [[]],
)
"""Values that are wrong almost anywhere. For a few parameters some of them are valid."""

QUESTION: Final[dict[Endpoint, str]] = {"responses": "input", "chat": "messages"}


def _nth(endpoint: Endpoint, number: int, *without: str) -> Json:
    values = {name: found[number % len(found)] for name, found in VALID[endpoint].items() if name not in without}
    return {"model": "public", **values}


_STATE: Final = ("background", "previous_response_id", "conversation", "prompt", "truncation")
FULL: Final[dict[Endpoint, list[Json]]] = {
    "responses": [_nth("responses", number, *_STATE, *("stream_options",) * (number % 3 > 0)) for number in range(6)],
    "chat": [
        _nth(
            "chat",
            number,
            "modalities",
            "audio",
            "prediction",
            "functions",
            *("stream_options", "top_logprobs") * (number % 2),
        )
        for number in range(6)
    ],
}
"""Requests that have nearly every parameter at once, most of them too much for one vendor."""
