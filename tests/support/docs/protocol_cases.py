"""A typical value for every row of ops/protocols.md: what test_protocols.py sends to each kind of upstream.

Rule: a case is a request with one thing that its baseline lacks. Comparing the two upstream requests shows how that thing is
handled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.wire.exchange import Endpoint
from app.wire.file_ref import StoredFile
from app.wire.tags import seal

Json = dict[str, Any]

UPSTREAM: Final = "up"
SCHEMA: Final[Json] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
PNG: Final = "data:image/png;base64,iVBORw0KGgo="
PDF: Final = "data:application/pdf;base64,JVBERi0xLjQ="
STORED: Final = {"file-1": StoredFile("application/pdf", "a.pdf", "JVBERi0xLjQ=", 8, 1)}

_FUNCTION: Final[Json] = {"type": "function", "name": "weather", "parameters": SCHEMA}
_OTHER: Final[Json] = {**_FUNCTION, "name": "time"}
_CHAT_FUNCTION: Final[Json] = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}
_CHAT_OTHER: Final[Json] = {"type": "function", "function": {"name": "time", "parameters": SCHEMA}}
_OLD_FUNCTION: Final[Json] = {"name": "weather", "parameters": SCHEMA}
_SEARCH: Final[Json] = {"type": "web_search"}


@dataclass(frozen=True)
class Case:
    """`given` is the thing under test; `beside` is also in the baseline. `calls`: how many priced tool calls the hold covers."""

    given: Json
    beside: Json = field(default_factory=dict)
    calls: int | None = None
    calls_without: int | None = None


def _tool(beside: Json | None = None, **given: Any) -> Case:
    return Case(given, {"tools": [_FUNCTION], **(beside or {})})


def _chat_tool(**given: Any) -> Case:
    return Case(given, {"tools": [_CHAT_FUNCTION, _CHAT_OTHER]})


PARAMETERS: Final[Mapping[Endpoint, Mapping[str, Case]]] = {
    "responses": {
        "model": Case({"model": "vendors/model"}),
        "input": Case({"input": "Hello there"}),
        "instructions": Case({"instructions": "Be brief."}),
        "stream": Case({"stream": True}),
        "stream_options": Case({"stream_options": {"include_obfuscation": False}}, {"stream": True}),
        "store": Case({"store": True}),
        "max_output_tokens": Case({"max_output_tokens": 50}),
        "max_tool_calls": Case({"max_tool_calls": 3}, {"tools": [_SEARCH]}, calls=3, calls_without=8),
        "tools": Case({"tools": [_FUNCTION]}),
        "tool_choice": _tool(tool_choice="required"),
        "parallel_tool_calls": _tool(parallel_tool_calls=False),
        "temperature": Case({"temperature": 0.5}),
        "top_p": Case({"top_p": 0.5}),
        "top_logprobs": Case({"top_logprobs": 2}),
        "include": Case({"include": ["reasoning.encrypted_content"]}),
        "reasoning.effort": Case({"reasoning": {"effort": "low"}}),
        "reasoning.summary": Case(
            {"reasoning": {"effort": "low", "summary": "auto"}}, {"reasoning": {"effort": "low"}}
        ),
        "text.format": Case({"text": {"format": {"type": "json_schema", "name": "city", "schema": SCHEMA}}}),
        "text.verbosity": Case({"text": {"verbosity": "low"}}),
        "service_tier": Case({"service_tier": "priority"}),
        "truncation": Case({"truncation": "disabled"}),
        "metadata": Case({"metadata": {"order": "7"}}),
        "user": Case({"user": "user-7"}),
        "safety_identifier": Case({"safety_identifier": "user-7"}),
        "prompt_cache_key": Case({"prompt_cache_key": "notes"}),
        "prompt_cache_retention": Case({"prompt_cache_retention": "24h"}),
        "cache_control": Case({"cache_control": {"type": "ephemeral", "ttl": "1h"}}),
        "client_metadata": Case({"client_metadata": {"a": "b"}}),
        "background": Case({"background": True}),
        "background_options": Case({"background_options": {}}),
        "previous_response_id": Case({"previous_response_id": "resp_1"}),
        "conversation": Case({"conversation": "conv_1"}),
        "prompt": Case({"prompt": {"id": "pmpt_1"}}),
        "access_programs": Case({"access_programs": ["x"]}),
        "context_management": Case({"context_management": [{"type": "compaction"}]}),
        "image": Case({"image": {}}),
        "moderation": Case({"moderation": {}}),
        "prompt_cache_options": Case({"prompt_cache_options": {}}),
    },
    "chat": {
        "model": Case({"model": "vendors/model"}),
        "messages": Case({"messages": [{"role": "user", "content": "Hello there"}]}),
        "stream": Case({"stream": True}),
        "stream_options": Case(
            {"stream_options": {"include_obfuscation": False, "include_usage": True}}, {"stream": True}
        ),
        "store": Case({"store": True}, {"store": False}),
        "n": Case({"n": 2}),
        "max_tokens": Case({"max_tokens": 50}),
        "max_completion_tokens": Case({"max_completion_tokens": 50}),
        "tools": Case({"tools": [_CHAT_FUNCTION]}),
        "tool_choice": _chat_tool(tool_choice="required"),
        "functions": Case({"functions": [_OLD_FUNCTION]}),
        "function_call": Case({"function_call": {"name": "weather"}}, {"functions": [_OLD_FUNCTION]}),
        "parallel_tool_calls": _chat_tool(parallel_tool_calls=False),
        "web_search_options": Case({"web_search_options": {}}, calls=8),
        "temperature": Case({"temperature": 0.5}),
        "top_p": Case({"top_p": 0.5}),
        "presence_penalty": Case({"presence_penalty": 0.5}),
        "frequency_penalty": Case({"frequency_penalty": 0.5}),
        "seed": Case({"seed": 7}),
        "stop": Case({"stop": ["END"]}),
        "logprobs": Case({"logprobs": True}),
        "top_logprobs": Case({"logprobs": True, "top_logprobs": 2}),
        "logit_bias": Case({"logit_bias": {"1734": -5}}),
        "reasoning_effort": Case({"reasoning_effort": "low"}),
        "response_format": Case(
            {"response_format": {"type": "json_schema", "json_schema": {"name": "city", "schema": SCHEMA}}}
        ),
        "verbosity": Case({"verbosity": "low"}),
        "service_tier": Case({"service_tier": "priority"}),
        "modalities": Case({"modalities": ["text"]}),
        "metadata": Case({"metadata": {"order": "7"}}),
        "user": Case({"user": "user-7"}),
        "safety_identifier": Case({"safety_identifier": "user-7"}),
        "prompt_cache_key": Case({"prompt_cache_key": "notes"}),
        "prompt_cache_retention": Case({"prompt_cache_retention": "24h"}),
        "cache_control": Case({"cache_control": {"type": "ephemeral", "ttl": "1h"}}),
        "audio": Case({"audio": {"voice": "alloy", "format": "wav"}}),
        "prediction": Case({"prediction": {"type": "content", "content": "x"}}),
        "moderation": Case({"moderation": {}}),
        "prompt_cache_options": Case({"prompt_cache_options": {}}),
    },
}


def _items(*items: Json) -> Case:
    """Between two messages of the user."""
    first: Json = {"role": "user", "content": "Hi"}
    last: Json = {"role": "user", "content": "Go on."}
    return Case({"input": [first, *items, last]}, {"input": [first, last]})


def _part(part: Json, role: str = "user") -> Case:
    said = {"type": "output_text" if role == "assistant" else "input_text", "text": "Hi"}
    asked: Json = {"role": "user", "content": "Hi"}
    before = [] if role == "user" else [asked]
    after = [asked] if role == "assistant" else []
    return Case(
        {"input": [*before, {"role": role, "content": [said, part]}, *after]},
        {"input": [*before, {"role": role, "content": [said]}, *after]},
    )


_CALL: Final[Json] = {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city":"Bern"}'}
_CUSTOM: Final[Json] = {"type": "custom_tool_call", "call_id": "call_1", "name": "shell", "input": "ls"}


def _gave(part: Json) -> Case:
    output: Json = {
        "type": "function_call_output",
        "call_id": "call_1",
        "output": [{"type": "input_text", "text": "21"}],
    }
    more = {**output, "output": [*output["output"], part]}
    return Case({"input": [_CALL, more]}, {"input": [_CALL, output]})


ITEMS: Final[Mapping[str, Case]] = {
    "a `user` message": _items({"role": "user", "content": "More"}),
    "a `system` or `developer` message": _items({"role": "developer", "content": "Be brief."}),
    "an `assistant` message": _items({"role": "assistant", "content": "Yes?"}),
    "a `refusal` part": _part({"type": "refusal", "refusal": "No."}, "assistant"),
    "`function_call` with its `function_call_output`": _items(
        _CALL, {"type": "function_call_output", "call_id": "call_1", "output": "21"}
    ),
    "`custom_tool_call` with its `custom_tool_call_output`": _items(
        _CUSTOM, {"type": "custom_tool_call_output", "call_id": "call_1", "output": "ok"}
    ),
    "`reasoning` from another upstream": _items(
        {"type": "reasoning", "summary": [], "encrypted_content": seal("another", "x")}
    ),
    "`reasoning` with only a summary": _items(
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}
    ),
    "`web_search_call`": _items(
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}}
    ),
    "`image_generation_call`": _items(
        {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "iVBORw0KGgo="}
    ),
    "an image as a data URI": _part({"type": "input_image", "image_url": PNG}),
    "an image by URL": _part({"type": "input_image", "image_url": "https://x.example/a.png"}),
    "a file as `file_data`": _part({"type": "input_file", "filename": "a.pdf", "file_data": PDF}),
    "a file uploaded here, as `file_id`": _part({"type": "input_file", "file_id": "file-1"}),
    "a file by `file_url`": _part({"type": "input_file", "file_url": "https://x.example/a.pdf"}),
    "an image in a tool's output": _gave({"type": "input_image", "image_url": PNG}),
    "an image in a `system` message": _part({"type": "input_image", "image_url": PNG}, "system"),
    "`item_reference`": _items({"type": "item_reference", "id": "msg_1"}),
    "an image by a vendor's `file_id`": _part({"type": "input_image", "file_id": "file-1"}),
    "a call of a tool that the vendor ran, of any other type": _items(
        {"type": "mcp_call", "id": "mcp_1", "name": "x", "arguments": "{}", "server_label": "s", "output": "1"}
    ),
    "`tool_search_call`, `tool_search_output`, `mcp_list_tools`, `mcp_approval_request`, `mcp_approval_response`": _items(
        {"type": "tool_search_output", "call_id": None, "execution": "server", "status": "completed", "tools": []}
    ),
    "an item of any other type": _items({"type": "compaction", "encrypted_content": "x"}),
}


def _tools(*tools: Json, calls: int | None = None) -> Case:
    return Case({"tools": list(tools)}, calls=calls)


def _offer(**more: Any) -> Case:
    return Case({"tools": [{**_SEARCH, **more}]}, {"tools": [_SEARCH]}, calls=8, calls_without=8)


def _chosen(choice: Any, *tools: Json) -> Case:
    return Case({"tool_choice": choice}, {"tools": list(tools or (_FUNCTION, _OTHER))})


TOOLS: Final[Mapping[str, Case]] = {
    "`function`": _tools(_FUNCTION),
    "`function`, `strict`": Case(
        {"tools": [{**_FUNCTION, "strict": True}]}, {"tools": [{**_FUNCTION, "strict": False}]}
    ),
    "`custom`": _tools({"type": "custom", "name": "shell"}),
    "`web_search`": _tools(_SEARCH, calls=8),
    "`web_search` together with `function`": _tools(_FUNCTION, _SEARCH, calls=8),
    "`web_search`, `search_context_size`": _offer(search_context_size="high"),
    "`web_search`, `user_location`": _offer(user_location={"type": "approximate", "country": "CH"}),
    "`web_search`, `filters.allowed_domains`": _offer(filters={"allowed_domains": ["example.com"]}),
    "`web_search`, `external_web_access` false": Case(
        {"tools": [_FUNCTION, {**_SEARCH, "external_web_access": False}]}, {"tools": [_FUNCTION]}, 8, 8
    ),
    "`image_generation`": _tools({"type": "image_generation"}),
    "`image_generation`, `size`": Case(
        {"tools": [{"type": "image_generation", "size": "1536x1024"}]}, {"tools": [{"type": "image_generation"}]}
    ),
    "`image_generation`, `quality`": Case(
        {"tools": [{"type": "image_generation", "quality": "high"}]}, {"tools": [{"type": "image_generation"}]}
    ),
    "`namespace`": _tools({"type": "namespace", "name": "n", "description": "d", "tools": [_FUNCTION]}),
    "`function`, `defer_loading`": Case({"tools": [{**_FUNCTION, "defer_loading": True}]}, {"tools": [_FUNCTION]}),
    "`tool_search`": _tools({"type": "tool_search"}),
    "`tool_choice`, a tool in a namespace": _chosen(
        {"type": "function", "namespace": "n", "name": "time"},
        {"type": "namespace", "name": "n", "description": "d", "tools": [_FUNCTION, _OTHER]},
    ),
    "`code_interpreter`, `mcp`, `computer_use`": _tools(
        {"type": "mcp", "server_label": "s", "server_url": "https://x.example/mcp"}
    ),
    "`tool_choice` `required`": _chosen("required"),
    "`tool_choice` `none`": _chosen("none"),
    "`tool_choice`, one function": _chosen({"type": "function", "name": "time"}),
    "`tool_choice`, `web_search`": Case(
        {"tool_choice": {"type": "web_search"}}, {"tools": [_SEARCH]}, calls=8, calls_without=8
    ),
    "`tool_choice`, `image_generation`": _chosen({"type": "image_generation"}, {"type": "image_generation"}),
    "`tool_choice`, `allowed_tools`": _chosen(
        {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "time"}]}
    ),
}


_OPEN: Final[Json] = {"type": "object", "properties": {}, "additionalProperties": {"type": "string"}}
_SCHEMA_FORMAT: Final[Json] = {"type": "json_schema", "name": "city", "schema": SCHEMA}


def _form(shape: Json, **beside: Any) -> Case:
    return Case({"text": {"format": shape}}, beside)


FORMATS: Final[Mapping[str, Case]] = {
    "`text`": _form({"type": "text"}),
    "`json_object`": _form({"type": "json_object"}),
    "`json_schema`": _form(_SCHEMA_FORMAT),
    "`json_schema` with an open object": _form({**_SCHEMA_FORMAT, "schema": _OPEN}),
    "`json_schema` together with `function`": _form(_SCHEMA_FORMAT, tools=[_FUNCTION]),
}
