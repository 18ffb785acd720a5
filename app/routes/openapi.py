"""The OpenAPI document, generated from the routes: each route carries its own description, an `Operation`.

Rule 1: quart-schema walks the URL map; the schemas are msgspec's, of the structs that the routes parse and return.
Rule 2: requests pay nothing for it: the document is built once, at startup, and served as bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from functools import cache
from importlib.metadata import version
from types import MappingProxyType
from typing import Any, Literal, TypeVar

import msgspec
from quart import Response
from quart_schema import DataSource, QuartSchema, document_querystring, document_request, hide, security_scheme, tag
from quart_schema.openapi import APIKeySecurityScheme, HttpSecurityScheme, Info, License, OpenAPIProvider, Tag

from app.edge.application import EdgeApplication

F = TypeVar("F", bound=Callable[..., Any])
Who = Literal["session", "reader", "key", "key if any", "nobody"]
REFS = "#/components/schemas/{name}"
COMMON = (400, 408, 413, 415, 500, 503)
"""The errors that any route may return: the request is malformed, or the server is full or has lost its store."""
_MEANING = {
    400: "The request is invalid; `param` names the offending parameter.",
    401: "The key or session is missing or not valid.",
    402: "The balance or a budget does not cover the request, or the account is frozen.",
    403: "Not allowed for this key, this session or this origin.",
    404: "Not found, or not in this account.",
    405: "The path does not support this method.",
    408: "The request arrived too slowly.",
    409: "It was already made, or it conflicts with the current state.",
    413: "The request is too large.",
    415: "The media type or encoding of the body is not supported.",
    422: "The provider rejected the request.",
    429: "Too many requests: wait for `retry-after`.",
    500: "An error in the gateway.",
    502: "The provider failed.",
    503: "The server is full, or its store is unavailable.",
    504: "The provider timed out.",
}
_SECURITY: Mapping[Who, list[dict[str, list[str]]]] = {
    "session": [{"session": []}],
    "reader": [{"session": []}, {"key": []}],
    "key": [{"key": []}],
    "key if any": [{}, {"key": []}],
    "nobody": [{}],
}
_DESCRIBED = "_realrouter_described"


class ErrorDetail(msgspec.Struct, frozen=True):
    """What went wrong. Some errors have further members."""

    message: str
    type: str
    param: str | None
    code: str | None


class Error(msgspec.Struct, frozen=True):
    """Every error, in OpenAI's shape."""

    error: ErrorDetail


@dataclass(frozen=True, slots=True)
class Operation:
    """The parameters, bodies and answers of a route.

    `answers` maps a status to a struct, or to None if there is no body; `errors` are the statuses beyond COMMON. `streams`: the
    answer may be sent as events. `events`: it is always sent as events, each name with the struct of its data.
    """

    summary: str
    _: KW_ONLY
    tag: str
    answers: Mapping[int, Any] = field(default_factory=dict)
    errors: tuple[int, ...] = ()
    body: Any = None
    source: DataSource = DataSource.JSON
    query: Any = None
    caller: Who = "nobody"
    media_type: str = "application/json"
    streams: bool = False
    events: Mapping[str, Any] = field(default_factory=dict)


def describe(function: F, operation: Operation) -> F:
    """Attach an operation to a view function, for the walk below."""
    setattr(function, _DESCRIBED, operation)
    tag([operation.tag])(function)
    security_scheme(_SECURITY[operation.caller])(function)
    if operation.body is not None:
        document_request(operation.body, source=operation.source)(function)
    if operation.query is not None:
        document_querystring(operation.query)(function)
    return function


class _Provider(OpenAPIProvider):
    """quart-schema's walk over the routes, with schemas that refer to shared components."""

    def generate_rules(self) -> Any:
        return sorted(
            (rule for rule in super().generate_rules() if _described(self._app, rule) is not None),
            key=lambda rule: rule.rule,
        )

    def build_paths(self, rule: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        paths, components = super().build_paths(rule)
        described = _described(self._app, rule)
        assert described is not None, "generate_rules keeps only described routes"
        responses, of_answers = _responses(described)
        for path in paths.values():
            for operation in path.values():
                operation["summary"] = described.summary
                operation.pop("description", None)
                operation["responses"] = responses
                if "requestBody" in operation:
                    operation["requestBody"]["required"] = True
        return paths, {**components, **of_answers}

    def build_request_body(self, model: Any, source: DataSource) -> tuple[dict[str, Any], dict[str, Any]]:
        media_type = "application/json" if source == DataSource.JSON else "multipart/form-data"
        schema, components = _schema(model)
        return {"content": {media_type: {"schema": schema}}}, components

    def build_querystring_parameters(self, model: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        _, components = _schema(model)
        own = components.pop(model.__name__)
        required = own.get("required", ())
        parameters = [
            {"name": name, "in": "query", "required": name in required, "schema": schema}
            for name, schema in own["properties"].items()
        ]
        return parameters, components


def document(app: EdgeApplication, cookie_name: str = "__Host-realrouter") -> bytes:
    """The document of an application. Its routes must be registered already."""
    app.config.setdefault("QUART_SCHEMA_CONVERT_CASING", False)
    app.config.setdefault("QUART_SCHEMA_CONVERSION_PREFERENCE", "msgspec")
    bearer: Any = HttpSecurityScheme(scheme="bearer")
    cookie: Any = APIKeySecurityScheme(name=cookie_name, in_="cookie")
    made = QuartSchema(
        info=Info(
            title="Realrouter",
            version=version("realrouter"),
            summary="OpenAI-compatible model calls from a prepaid balance, and the account that pays for them.",
            license=License(name="Apache-2.0", identifier="Apache-2.0"),
        ),
        tags=[Tag(name=name, description=text) for name, text in _TAGS.items()],
        security_schemes={"key": bearer, "session": cookie},
    )
    return msgspec.json.encode(_without_none(msgspec.to_builtins(_Provider(app, made).schema(), str_keys=True)))


_TAGS = {
    "models": "What SDKs call.",
    "session": "Signing up, in and out.",
    "account": "Balance, statement and usage.",
    "keys": "API keys.",
    "payments": "Buying credit.",
    "log": "The sealed log, open to everyone: signed checkpoints and hashes, never an event.",
    "server": "The server itself.",
}


def register(app: EdgeApplication, cookie_name: str) -> None:
    """Serve the document of the routes registered so far: call this after them. `cookie_name` is the session cookie's name here."""
    body = document(app, cookie_name)

    @app.get("/openapi.json")
    @hide
    async def openapi() -> Response:
        return Response(body, content_type="application/json", headers={"cache-control": "public, max-age=300"})


def _without_none(value: Any) -> Any:
    """The document without the nulls that quart-schema writes for members that were not set: the specification requires them to be
    omitted. A `default` of null is intended and stays."""
    if isinstance(value, dict):
        return {key: _without_none(each) for key, each in value.items() if each is not None or key == "default"}
    return [_without_none(each) for each in value] if isinstance(value, list) else value


def _described(app: Any, rule: Any) -> Operation | None:
    found: Operation | None = getattr(app.view_functions[rule.endpoint], _DESCRIBED, None)
    return found


def _responses(described: Operation) -> tuple[dict[str, Any], dict[str, Any]]:
    error, components = _schema(Error)
    responses: dict[str, Any] = {}
    for status, model in described.answers.items():
        responses[str(status)] = {"description": "Done." if model is None else _first_line(model)}
        if model is not None:
            schema, parts = _schema(model)
            components |= parts
            content = {described.media_type: {"schema": schema}}
            events: dict[str, Any] = {"text/event-stream": {}} if described.streams else {}
            responses[str(status)]["content"] = content | events
    if described.events:
        responses["200"], parts = _stream(described.events)
        components |= parts
    for status in sorted({*COMMON, *described.errors} - set(described.answers)):
        responses[str(status)] = {
            "description": _MEANING[status],
            "content": {"application/json": {"schema": error}},
        }
    return responses, components


def _stream(events: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A response of server-sent events, with the schemas that an event's `data` may have."""
    schemas, components = msgspec.json.schema_components(events.values(), ref_template=REFS)
    listed = ", ".join(f"`{name}` with {model.__name__}" for name, model in events.items())
    content = {"text/event-stream": {"schema": {"anyOf": list(schemas)}}}
    return {"description": f"Events, each with JSON as its data: {listed}.", "content": content}, dict(components)


def _schema(model: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A model's schema, and the components that it refers to."""
    schema, components = _components(model)
    return schema, dict(components)


@cache
def _components(model: Any) -> tuple[dict[str, Any], Mapping[str, Any]]:
    (schema,), components = msgspec.json.schema_components([model], ref_template=REFS)
    return schema, MappingProxyType(dict(components))


def _first_line(model: Any) -> str:
    text = (getattr(model, "__doc__", None) or "").strip()
    return re.split(r"\n\s*\n", text)[0].replace("\n", " ") or "Done."
