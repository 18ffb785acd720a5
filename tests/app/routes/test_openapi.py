"""GET /openapi.json: a valid document with every route, its callers and its answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from app.routes import application
from app.routes.caller import COOKIE_ON_LOOPBACK
from app.routes.openapi import document
from app.services import open_services
from app.settings import parse
from tests.support.gateway.customers import SOLD
from tests.support.gateway.gateway import Json, configuration, prepare, running

UNDESCRIBED = {"/openapi.json", "/metrics"}
"""The document itself, and the route that Prometheus reads."""
SESSION: dict[str, list[str]] = {"session": []}
KEY: dict[str, list[str]] = {"key": []}
WHO: dict[str, list[dict[str, list[str]]]] = {
    "/api/account": [SESSION],
    "/api/keys": [SESSION],
    "/api/keys/{key_id}": [SESSION],
    "/api/automatic-top-up": [SESSION],
    "/api/balance": [SESSION, KEY],
    "/api/events": [SESSION, KEY],
    "/api/transactions": [SESSION, KEY],
    "/api/usage": [SESSION, KEY],
    "/api/requests/{request_id}": [SESSION, KEY],
    "/api/packs": [SESSION, KEY],
    "/api/checkout": [SESSION, KEY],
    "/v1/responses": [KEY],
    "/v1/chat/completions": [KEY],
    "/v1/files": [KEY],
    "/v1/models": [{}, KEY],
}


@pytest.fixture
async def made(tmp_path: Path) -> tuple[Json, set[tuple[str, str]]]:
    """The document, and the methods and rules of the application's map."""
    settings = parse(configuration(tmp_path, models=SOLD))
    prepare(settings)
    async with open_services(settings) as services:
        app = application(services)
        rules = {
            (method.lower(), rule.rule)
            for rule in app.url_map.iter_rules()
            for method in rule.methods or ()
            if method not in ("HEAD", "OPTIONS")
        }
        return msgspec.json.decode(document(app, COOKIE_ON_LOOPBACK)), rules


async def test_the_document_is_valid_openapi_3_1(made: tuple[Json, set[tuple[str, str]]]) -> None:
    assert made[0]["openapi"].startswith("3.1")
    validate(made[0], cls=OpenAPIV31SpecValidator)


async def test_every_route_is_in_the_document(made: tuple[Json, set[tuple[str, str]]]) -> None:
    found, rules = made
    documented = {(method, path) for path, item in found["paths"].items() for method in item}
    expected = {(method, _path(rule)) for method, rule in rules if rule not in UNDESCRIBED}
    assert documented == expected


async def test_every_operation_has_an_id_a_tag_a_summary_and_errors(made: tuple[Json, set[tuple[str, str]]]) -> None:
    seen = set()
    tags = {each["name"] for each in made[0]["tags"]}
    for method, path, operation in _operations(made[0]):
        assert operation["operationId"] not in seen, (method, path)
        seen.add(operation["operationId"])
        assert operation["summary"]
        assert set(operation["tags"]) <= tags
        for status, answer in operation["responses"].items():
            if status >= "400" and (path, status) != ("/readyz", "503"):
                schema = answer["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Error"}


async def test_the_document_says_who_may_call_what(made: tuple[Json, set[tuple[str, str]]]) -> None:
    schemes = made[0]["components"]["securitySchemes"]
    assert (schemes["key"]["type"], schemes["key"]["scheme"]) == ("http", "bearer")
    assert (schemes["session"]["type"], schemes["session"]["in"]) == ("apiKey", "cookie")
    assert schemes["session"]["name"] == COOKIE_ON_LOOPBACK
    for path, security in WHO.items():
        for operation in made[0]["paths"][path].values():
            assert operation["security"] == security, path


async def test_every_amount_comes_with_its_nanos(made: tuple[Json, set[tuple[str, str]]]) -> None:
    for name, schema in made[0]["components"]["schemas"].items():
        members = schema.get("properties", {})
        for member in members:
            if member.endswith("_nanos"):
                assert member.removesuffix("_nanos") in members, (name, member)


async def test_every_reference_leads_somewhere(made: tuple[Json, set[tuple[str, str]]]) -> None:
    found = made[0]
    for reference in _references(found):
        assert reference.removeprefix("#/components/schemas/") in found["components"]["schemas"], reference


async def test_what_a_body_must_have_is_in_its_schema(made: tuple[Json, set[tuple[str, str]]]) -> None:
    found = made[0]
    for path, required in {
        "/api/checkout": ["pack"],
        "/api/keys": ["name"],
        "/api/session": ["email", "password"],
        "/api/session/link": ["token"],
        "/v1/responses": ["model", "input"],
        "/v1/chat/completions": ["model", "messages"],
    }.items():
        body = found["paths"][path]["post"]["requestBody"]
        assert body["required"] is True
        reference = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        assert found["components"]["schemas"][reference]["required"] == required, path
    upload = found["paths"]["/v1/files"]["post"]["requestBody"]["content"]
    assert list(upload) == ["multipart/form-data"]


async def test_what_may_stream_says_so(made: tuple[Json, set[tuple[str, str]]]) -> None:
    streaming = {
        path
        for _, path, operation in _operations(made[0])
        if "text/event-stream" in operation["responses"].get("200", {}).get("content", {})
    }
    assert streaming == {"/v1/responses", "/v1/chat/completions", "/api/events"}


async def test_the_events_of_an_account_have_schemas(made: tuple[Json, set[tuple[str, str]]]) -> None:
    found = made[0]
    content = found["paths"]["/api/events"]["get"]["responses"]["200"]["content"]
    assert list(content) == ["text/event-stream"]
    names = [each["$ref"].rpartition("/")[2] for each in content["text/event-stream"]["schema"]["anyOf"]]
    assert names == ["BalanceShown", "RequestEvent", "AccountEvent", "ResetEvent"]
    request = found["components"]["schemas"]["RequestEvent"]
    assert request["properties"]["state"]["enum"] == ["debited", "open", "released"]
    assert set(request["required"]) == set(request["properties"])


async def test_anybody_may_read_the_document(tmp_path: Path) -> None:
    async with running(tmp_path, models=SOLD) as gateway:
        answer = await gateway.http.get(f"{gateway.origin}/openapi.json")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        validate(answer.json(), cls=OpenAPIV31SpecValidator)
        assert gateway.key not in answer.text


def _path(rule: str) -> str:
    """A rule of werkzeug's as a path of the document."""
    parts = [part.rpartition(":")[2].strip("<>") if part.startswith("<") else part for part in rule.split("/")]
    return "/".join(
        f"{{{part}}}" if raw.startswith("<") else part for raw, part in zip(rule.split("/"), parts, strict=True)
    )


def _operations(found: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in found["paths"].items():
        for method, operation in item.items():
            yield method, path, operation


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "$ref":
                yield each
            else:
                yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)
