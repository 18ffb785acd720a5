"""Chat requests that both this gateway and lm15 can write for every vendor."""

from __future__ import annotations

from typing import Any, Final

Json = dict[str, Any]

PNG: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
CITY: Final = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER: Final = {
    "type": "function",
    "function": {"name": "get_weather", "description": "The weather of a city", "parameters": CITY},
}
NOW: Final = {"type": "function", "function": {"name": "now", "description": "The time"}}


def make_request(content: Any, **members: Any) -> Json:
    return {"model": "public", "messages": [{"role": "user", "content": content}], **members}


def called(id: str, name: str, arguments: str) -> Json:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


WEATHER_TURN: Final = [
    {"role": "user", "content": "The weather?"},
    {
        "role": "assistant",
        "content": "I will look.",
        "tool_calls": [
            called("call_1", "get_weather", '{"city": "Paris"}'),
            called("call_2", "get_weather", '{"city": "東京"}'),
        ],
    },
    {"role": "tool", "tool_call_id": "call_1", "content": "sunny, 21 °C"},
    {"role": "tool", "tool_call_id": "call_2", "content": "rain"},
]

REQUESTS: Final[dict[str, Json]] = {
    "text": make_request("Grüß dich 🌍"),
    "text in parts": make_request([{"type": "text", "text": "One"}, {"type": "text", "text": "Two"}]),
    "conversation": {
        "model": "public",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello"},
            {"role": "user", "content": "Bye"},
        ],
    },
    "developer": {
        "model": "public",
        "messages": [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
    },
    "sampling": make_request("Hi", temperature=0.5, top_p=0.9),
    "stop": make_request("Count", stop=["END", "STOP"]),
    "tools": make_request("The weather?", tools=[WEATHER, NOW], tool_choice="auto"),
    "a tool that must be": make_request("The weather?", tools=[WEATHER, NOW], tool_choice="required"),
    "no tool": make_request("The weather?", tools=[WEATHER], tool_choice="none"),
    "one tool": make_request(
        "The weather?", tools=[WEATHER, NOW], tool_choice={"type": "function", "function": {"name": "get_weather"}}
    ),
    "one call at a time": make_request("The weather?", tools=[WEATHER], parallel_tool_calls=False),
    "tool results": {"model": "public", "messages": WEATHER_TURN, "tools": [WEATHER]},
    "a further turn": {
        "model": "public",
        "messages": [*WEATHER_TURN, {"role": "user", "content": "And tomorrow?"}],
        "tools": [WEATHER],
    },
    "image": make_request(
        [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}]
    ),
    "image by address": make_request(
        [
            {"type": "image_url", "image_url": {"url": "https://pictures.example/cat.png"}},
            {"type": "text", "text": "What?"},
        ]
    ),
    "pdf": make_request(
        [
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0xLjQK"}},
            {"type": "text", "text": "What?"},
        ]
    ),
    "schema": make_request(
        "A city",
        response_format={"type": "json_schema", "json_schema": {"name": "city", "schema": CITY, "strict": True}},
    ),
    "json": make_request("A city, as JSON", response_format={"type": "json_object"}),
    "effort": make_request("Think", reasoning_effort="low"),
}
