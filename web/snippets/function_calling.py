import json

weather_tool = {
    "type": "function",
    "name": "get_weather",
    "description": "Get current weather for a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}
first = client.responses.create(
    model="gpt-5.5",
    input="What is the weather in Toronto?",
    tools=[weather_tool],
    tool_choice={"type": "function", "name": "get_weather"},
)
call = next(item for item in first.output if item.type == "function_call")
tool_result = get_weather(**json.loads(call.arguments))
final = client.responses.create(
    model="gpt-5.5",
    input=[
        {"role": "user", "content": "What is the weather in Toronto?"},
        call,
        {"type": "function_call_output", "call_id": call.call_id, "output": json.dumps(tool_result)},
    ],
    tools=[weather_tool],
)
print(final.output_text)
