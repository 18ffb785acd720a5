"""Structured output on Anthropic's models, through an output format or through a tool whose input is the answer.

Rule 1: if the model has output formats and the schema fits the supported subset, an output format is used, and enforced.
Rule 2: otherwise the model is forced to call a tool with that schema, and the call's input becomes the answer's text. If the client
        offers tools too, the model must call one of them or the output tool. If the client already requires a call, the output tool
        is not offered. With an output tool, only one call at a time is allowed.
Rule 3: json_object, an object without a schema, is rejected: neither way supports it.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from app.wire.anthropic.models import Model
from app.wire.anthropic.schemas import UnsupportedSchema, supported_schema
from app.wire.canonical import CanonicalRequest, TextFormat, unsupported_field

Block = dict[str, Any]
_TOOL: Final = "json"
_TOOL_DESCRIPTION: Final = "Answer with this tool: its input is the whole answer to the user."


class Output(msgspec.Struct, frozen=True, gc=False):
    """At most one is set: the `format` of output_config, or the output `tool`, whose input is the answer."""

    format: Block | None = None
    tool: Block | None = None


def output_of(request: CanonicalRequest, model: Model) -> Output:
    wanted = request.format
    if wanted is None or wanted.kind == "text":
        return Output()
    if wanted.kind == "json_object" or wanted.schema is None:
        raise unsupported_field(request, "format", "This model supports 'json_schema' and 'text'.")
    try:
        schema = supported_schema(_with_labels(wanted, wanted.schema))
    except UnsupportedSchema as error:
        return _by_tool(request, model, wanted, wanted.schema, f"This model cannot enforce this schema: {error}.")
    if model.structured:
        return Output(format={"type": "json_schema", "schema": schema})
    return _by_tool(request, model, wanted, wanted.schema, "This model cannot enforce a schema.")


def forced_choice(tool: Block, tools: list[Block], choice: Block | None) -> Block:
    """The tool choice that makes the model call `tool`, given the client's own tools and choice."""
    if not tools or (choice and choice["type"] == "none"):
        return {"type": "tool", "name": tool["name"], "disable_parallel_tool_use": True}
    return {"type": "any", "disable_parallel_tool_use": True}


def _by_tool(request: CanonicalRequest, model: Model, wanted: TextFormat, schema: dict[str, Any], why: str) -> Output:
    if not model.forced or schema.get("type") != "object":
        raise unsupported_field(request, "format", why)
    if request.tool_choice is not None and request.tool_choice.mode == "required":
        return Output()
    names = {getattr(tool, "name", None) for tool in request.tools}
    name = _TOOL
    while name in names:
        name += "_"
    description = f"{_TOOL_DESCRIPTION}\n\n{wanted.description}" if wanted.description else _TOOL_DESCRIPTION
    return Output(tool={"name": name, "description": description, "input_schema": schema})


def _with_labels(wanted: TextFormat, schema: dict[str, Any]) -> dict[str, Any]:
    """The schema, with the format's name and description added if the schema has none."""
    labels = {"title": wanted.name, "description": wanted.description}
    return {**{name: value for name, value in labels.items() if value}, **schema}
