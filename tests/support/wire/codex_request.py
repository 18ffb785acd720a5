"""A request as the Codex CLI sends it with its defaults, and the calls that a vendor answers it with."""

from __future__ import annotations

from typing import Any, Final

Json = dict[str, Any]


def _function(name: str, **properties: Json) -> Json:
    schema = {"type": "object", "properties": properties, "required": sorted(properties), "additionalProperties": False}
    return {"type": "function", "name": name, "description": f"Use {name}.", "strict": False, "parameters": schema}


_TEXT: Final[Json] = {"type": "string"}
NAMESPACE: Final[Json] = {
    "type": "namespace",
    "name": "multi_agent_v1",
    "description": "Tools for spawning and managing sub-agents.",
    "tools": [
        _function("spawn_agent", message=_TEXT),
        _function("send_input", id=_TEXT, message=_TEXT),
        _function("wait_agent", timeout_ms={"type": "number"}),
        _function("close_agent", id=_TEXT),
    ],
}
CACHED_SEARCH: Final[Json] = {"type": "web_search", "external_web_access": False}
_FUNCTIONS: Final = [
    _function("exec_command", cmd=_TEXT),
    _function("write_stdin", session_id={"type": "number"}, chars=_TEXT),
    _function("update_plan", plan={"type": "array", "items": {"type": "object"}}),
    _function("request_user_input", questions={"type": "array", "items": _TEXT}),
    _function("view_image", path=_TEXT),
    _function("list_mcp_resources"),
    _function("read_mcp_resource", server=_TEXT, uri=_TEXT),
]


def _message(role: str, *texts: str) -> Json:
    content = [{"type": "input_text", "text": text} for text in texts]
    return {
        "type": "message",
        "role": role,
        "content": content,
        "internal_chat_message_metadata_passthrough": {"turn_id": "t1"},
    }


INPUT: Final = [
    _message("developer", "<permissions instructions>Read only.</permissions instructions>"),
    _message("developer", "<skills_instructions></skills_instructions>"),
    _message("user", "<environment_context><cwd>/tmp</cwd></environment_context>"),
    _message("user", "say hello"),
]
CODEX: Final[Json] = {
    "model": "gpt-5.4-mini",
    "instructions": "You are a coding agent running in the Codex CLI.",
    "input": INPUT,
    "tools": [*_FUNCTIONS[:4], NAMESPACE, *_FUNCTIONS[4:], CACHED_SEARCH],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "reasoning": {"summary": "auto"},
    "store": False,
    "stream": True,
    "include": ["reasoning.encrypted_content"],
    "prompt_cache_key": "019a0000-0000-7000-8000-000000000000",
    "client_metadata": {"x-codex-installation-id": "019a", "session_id": "019b"},
}

FLAT: Final = "multi_agent_v1__spawn_agent"
ARGUMENTS: Final = '{"message":"go"}'


def _anthropic() -> list[tuple[str, Json]]:
    usage = {"input_tokens": 100, "output_tokens": 1}
    return [
        ("message_start", {"message": {"id": "msg_1", "role": "assistant", "content": [], "usage": usage}}),
        (
            "content_block_start",
            {"index": 0, "content_block": {"type": "tool_use", "id": "toolu_1", "name": FLAT, "input": {}}},
        ),
        ("content_block_delta", {"index": 0, "delta": {"type": "input_json_delta", "partial_json": ARGUMENTS}}),
        ("content_block_stop", {"index": 0}),
        ("message_delta", {"delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 20}}),
        ("message_stop", {}),
    ]


_CALL: Final[Json] = {
    "index": 0,
    "id": "call_1",
    "type": "function",
    "function": {"name": FLAT, "arguments": ARGUMENTS},
}
_USAGE: Final[Json] = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
CALLS: Final[dict[str, list[tuple[str, Json]]]] = {
    "chat": [
        ("", {"id": "c", "choices": [{"index": 0, "delta": {"role": "assistant", "tool_calls": [_CALL]}}]}),
        ("", {"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}], "usage": _USAGE}),
    ],
    "anthropic": [(name, {"type": name, **data}) for name, data in _anthropic()],
    "gemini": [
        (
            "",
            {
                "candidates": [
                    {
                        "content": {
                            "role": "model",
                            "parts": [
                                {"functionCall": {"name": FLAT, "args": {"message": "go"}}, "thoughtSignature": "c2ln"}
                            ],
                        },
                        "finishReason": "STOP",
                        "index": 0,
                    }
                ],
                "usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 20, "totalTokenCount": 120},
            },
        )
    ],
}
"""For each dialect, the events of an answer that calls `spawn_agent` under the name that the vendor was given."""
