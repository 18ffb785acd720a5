"""Request members that both protocols parse and check in the same way.

Rule 1: a body is one JSON object in UTF-8 whose top-level names are unique: ambiguous input is rejected, never guessed at.
        NUL is legal in a JSON string and is accepted.
Rule 2: null is the same as absent.
Rule 3: every error names its parameter as the protocol spells it.
Rule 4: unknown members may pass, except those that are another server's names for something that is priced or checked here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from app.wire.exchange import RequestError, ToolUse
from app.wire.json_outline import top_level_names
from app.wire.splice import Members, members

TOOLS_MAX = 1024
NESTED_TOOLS_MAX = 1
"""How often a tool that is already inside a tool or an item may contain tools: a tool search returns namespaces."""
INTEGER_MAX = 2**31 - 1
MODEL_LENGTH_MAX = 256
NAME_LENGTH_MAX = 100
TOOL_ALIASES: Final[Mapping[str, str]] = {
    "web_search_preview": "web_search",
    "web_search_preview_2025_03_11": "web_search",
    "web_search_2025_08_26": "web_search",
    "computer": "computer_use",
    "computer_use_preview": "computer_use",
}

T = TypeVar("T")

_bool = msgspec.json.Decoder(bool)
_int = msgspec.json.Decoder(int)
_str = msgspec.json.Decoder(str)

_NULL = msgspec.Raw(b"null")
_CHECKED: Final = frozenset(
    {
        *("model", "stream", "stream_options", "store", "background", "n", "max_tokens", "max_completion_tokens"),
        *("max_output_tokens", "max_tool_calls", "tools", "functions", "web_search_options", "service_tier"),
        *("modalities", "audio", "messages", "input", "previous_response_id", "conversation", "prompt"),
    }
)
"""Members that change the request's meaning or cost. Some upstreams ignore case, so other spellings of these are rejected."""
FOREIGN: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            *("n_predict", "num_predict", "max_new_tokens", "max_length", "best_of", "use_beam_search", "beam_width"),
            *("max_gen_len", "max_tokens_to_sample", "candidate_count", "num_return_sequences", "num_beams"),
        ),
        "Limit the output with this API's own parameters.",
    ),
    **dict.fromkeys(("models", "fallbacks", "route", "provider", "preset"), "Name a single model in 'model'."),
    **dict.fromkeys(
        (
            *("plugins", "search_parameters", "search_settings", "enable_search", "search_options", "compound_custom"),
            *("search_mode", "search_type", "num_search_results", "forced_search", "return_related_questions"),
        ),
        "Searches are priced: request one as a tool.",
    ),
    **dict.fromkeys(
        ("extra_body", "cached_content", "data_sources", "deferred", "background_options", "previous_input_messages"),
        "The gateway is stateless: send the whole conversation.",
    ),
    **dict.fromkeys(
        (
            *(
                "kv_transfer_params",
                "bootstrap_host",
                "bootstrap_port",
                "bootstrap_room",
                "lora",
                "lora_path",
                "id_slot",
            ),
            *("custom_logit_processor", "chat_template", "mm_processor_kwargs", "media_io_kwargs", "request_id"),
            "priority",
        ),
        "It controls server internals.",
    ),
    "prediction": "Predicted output is not offered.",
    "access_programs": "Access programs are not offered.",
}
"""Other vendors' and servers' parameters for limits, models, searches or storage. OpenAI's API does not have them."""
_COMPARED = "comparison_response_id"
_TIER = re.compile(r"[a-z][a-z0-9_-]{0,31}", re.ASCII)
_TYPE_ERROR = re.compile(r"Expected `([^`]*)`, got `([^`]*)`(?: - at `\$([^`]*)`)?")
_WORDS = {
    "object": "an object",
    "array": "an array",
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "a boolean",
}
_UNREADABLE = "We could not parse the JSON body of your request: it must be one JSON object in UTF-8."


class _Tool(msgspec.Struct):
    type: Any = None
    tools: Any = None
    function: Any = None
    external_web_access: Any = None


_tools = msgspec.json.Decoder(list[_Tool])


def read_body(body: bytes) -> Members:
    """The top-level members of a body, undecoded. Raises RequestError."""
    try:
        if not body.isascii():
            body.decode()
        names = top_level_names(body)
        fields = members.decode(body)
    except (ValueError, RecursionError):
        raise RequestError(_UNREADABLE) from None
    if len(names) != len(fields):
        twice = Counter(names).most_common(1)[0][0][:NAME_LENGTH_MAX]
        raise RequestError(f"Duplicate parameter: '{twice}' appears more than once.", param=twice)
    for name in fields:
        if name not in _CHECKED and (known := name.casefold()) in _CHECKED:
            raise RequestError(f"Unknown parameter: '{name[:NAME_LENGTH_MAX]}'. Did you mean '{known}'?", param=known)
        if (why := FOREIGN.get(name.casefold())) and raw_member(fields, name) is not None:
            raise unsupported(name, why)
    options = raw_member(fields, "prompt_cache_options")
    if options is not None and raw_member(decode(options, members, "prompt_cache_options"), _COMPARED) is not None:
        raise unsupported(f"prompt_cache_options.{_COMPARED}", "The gateway is stateless: it does not keep answers.")
    return fields


def raw_member(fields: Members, name: str) -> msgspec.Raw | None:
    """A member's JSON, or None if it is absent or null."""
    raw = fields.get(name, _NULL)
    return None if bytes(memoryview(raw)[:5]) == b"null" else raw


def decode(raw: msgspec.Raw, decoder: msgspec.json.Decoder[T], param: str) -> T:
    """`raw` decoded. Raises RequestError that names `param` and the path inside it."""
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise _invalid_type(str(error), param) from None


def text(fields: Members, name: str) -> str | None:
    raw = raw_member(fields, name)
    return None if raw is None else decode(raw, _str, name)


def flag(fields: Members, name: str, *, within: str | None = None) -> bool:
    """A boolean, false if it is absent or null. `within` is the path of the object that `fields` belong to."""
    raw = raw_member(fields, name)
    return raw is not None and decode(raw, _bool, name if within is None else f"{within}.{name}")


def count(fields: Members, name: str, maximum: int | None = INTEGER_MAX) -> int | None:
    """An integer from 1 to `maximum` (None: without a maximum), or None if the member is absent or null."""
    raw = raw_member(fields, name)
    return None if raw is None else bounded(decode(raw, _int, name), name, least=1, most=maximum)


def bounded(value: Any, param: str, *, least: int, most: int | None) -> int:
    """`value` if it is an integer from `least` to `most`. Raises RequestError that names `param` and the bound."""
    if type(value) is not int:
        message = f"Invalid type for '{param}': expected an integer."
        raise RequestError(message, param=param, code="invalid_type")
    if value < least:
        raise RequestError(
            f"Invalid '{param}': integer below minimum value. Expected a value >= {least}, but got {_short(value)} instead.",
            param=param,
            code="integer_below_min_value",
        )
    if most is not None and value > most:
        raise RequestError(
            f"Invalid '{param}': integer above maximum value. Expected a value <= {most}, but got {_short(value)} instead.",
            param=param,
            code="integer_above_max_value",
        )
    return value


def model(fields: Members) -> str:
    name = text(fields, "model")
    if not name:
        raise missing("model")
    if len(name) > MODEL_LENGTH_MAX:
        raise RequestError("Invalid 'model': the name is too long.", param="model")
    return name


def service_tier(fields: Members) -> str | None:
    """The requested tier. Whether it is offered depends on the model, because tiers have prices."""
    value = text(fields, "service_tier")
    if value is not None and not _TIER.fullmatch(value):
        raise unsupported("service_tier", "A service tier is a short lower-case word such as 'default'.")
    return value


def shaped(fields: Members) -> bool:
    """Whether the request prescribes the form of the output."""
    return raw_member(fields, "text") is not None or raw_member(fields, "response_format") is not None


def tool_uses(fields: Members, name: str = "tools", *, untyped_functions: bool = False) -> tuple[ToolUse, ...]:
    """The tools that the request offers. `untyped_functions`: whether a tool with a `function` may lack a type, as on chat."""
    raw = raw_member(fields, name)
    if raw is None:
        return ()
    tools = decode(raw, _tools, name)
    for tool in tools if untyped_functions else ():
        if tool.type is None and isinstance(tool.function, dict):
            tool.type = "function"
    return tuple(listed_tool_uses(tools, name))


def listed_tool_uses(tools: list[_Tool], where: str) -> Iterable[ToolUse]:
    """Each tool, followed by the tools inside it if it is a namespace, so that no tool evades the model's list of tools."""
    if len(tools) > TOOLS_MAX:
        raise RequestError(
            f"Invalid '{where}': more than {TOOLS_MAX} tools.", param=where, code="array_above_max_length"
        )
    for index, tool in enumerate(tools):
        param = f"{where}[{index}].type"
        if tool.type is None:
            raise missing(param)
        if not isinstance(tool.type, str):
            raise RequestError(f"Invalid type for '{param}': expected a string.", param=param, code="invalid_type")
        yield _use(tool.type, param, cached=tool.external_web_access is False)
        yield from nested_tool_uses(tool.tools, f"{where}[{index}].tools")


def nested_tool_uses(tools: Any, where: str, depth: int = 0) -> Iterable[ToolUse]:
    """Tools nested in another tool or item, if they have a type. Lists of remote tools have no types."""
    for index, tool in enumerate(tools if isinstance(tools, list) else ()):
        kind = tool.get("type") if isinstance(tool, dict) else None
        if isinstance(kind, str):
            yield _use(kind, f"{where}[{index}].type")
            if tool.get("tools") is not None:
                inner = f"{where}[{index}].tools"
                if depth == NESTED_TOOLS_MAX:
                    raise RequestError(
                        f"Invalid '{inner}': tools are nested too deeply.", param=inner, code="invalid_value"
                    )
                yield from nested_tool_uses(tool["tools"], inner, depth + 1)


def _use(kind: str, param: str, *, cached: bool = False) -> ToolUse:
    if len(kind) > NAME_LENGTH_MAX:
        raise RequestError(f"Invalid '{param}': the name is too long.", param=param, code="invalid_value")
    name = TOOL_ALIASES.get(kind, kind)
    return ToolUse(kind, name, param, is_cached_search=cached and name == "web_search")


def missing(param: str) -> RequestError:
    return RequestError(f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter")


def unsupported(param: str, why: str) -> RequestError:
    return RequestError(f"Unsupported parameter: '{param}'. {why}", param=param, code="unsupported_parameter")


def _invalid_type(error: str, param: str) -> RequestError:
    found = _TYPE_ERROR.search(error)
    if not found:
        return RequestError(f"Invalid value for '{param}'.", param=param, code="invalid_value")
    expected, got, path = found.groups(default="")
    message = f"Invalid type for '{param}{path}': expected {_words(expected)}, but got {_words(got)} instead."
    return RequestError(message, param=param + path, code="invalid_type")


def _words(types: str) -> str:
    return " or ".join(_WORDS.get(word, word) for word in types.split(" | "))


def _short(value: int) -> str:
    """An integer for an error message: it may have thousands of digits."""
    return str(value) if abs(value) < 10**20 else "a longer number"
