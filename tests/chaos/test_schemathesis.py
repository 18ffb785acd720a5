"""Every operation of the OpenAPI document against a running gateway, with valid and invalid data: no server error, and no status or
body that the document does not describe.

Rule 1: paths and packs that schemathesis draws are sometimes replaced by existing ones, so that not only refusals are seen.
Rule 2: the caller is drawn too: the owner, a program with a key, or nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, BaseSchema, Case, GenerationMode
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.accounts.people import People
from app.accounts.sessions import Sessions
from app.routes.caller import COOKIE_ON_LOOPBACK
from domain.decimals import NANOS_PER_USD
from tests.support.gateway.customers import EMAIL, SOLD
from tests.support.gateway.processes import MODEL, House, config, house

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
IN_BODIES = (
    "model",
    "pack",
    "email",
    "password",
    "messages",
    "threshold",
    "monthly_ceiling",
    "monthly_budget",
    "expires_at",
)
WITHOUT_END = "/api/events"
"""Its answer is a stream that does not end."""
LAST = "DELETE /api/session"
"""The operation after which the owner is signed out."""
EXAMPLES = 15
EXAMPLES_LONG = 400
SECONDS = 120
"""Ends a call that hangs."""
Operation = APIOperation[Any, Any, Any, Any]


@dataclass
class Fuzzed:
    """A gateway with something in it: an account with its owner, a key, a request and a checkout."""

    origin: str
    http: requests.Session
    callers: Mapping[str, Mapping[str, str]]
    known: Mapping[str, Any]
    document: dict[str, Any]

    def who(self, operation: Operation) -> list[str]:
        """The callers to draw from: authorised ones more often than others."""
        security = operation.definition.raw.get("security", [{}])
        may = [name for each in security for name in each] or ["nobody"]
        return [*may * 4, *self.callers]

    def send(self, case: Case[Any], caller: str, there: bool) -> None:
        """Send a case as a caller, to an existing object or the drawn one, and check the answer against the document."""
        if there:
            parameters = case.path_parameters or {}
            parameters.update({name: self.known[name] for name in parameters if name in self.known})
            if isinstance(case.body, dict):
                case.body.update({name: self.known[name] for name in IN_BODIES if name in case.body})
        case.call_and_validate(
            base_url=self.origin,
            session=self.http,
            headers=dict(self.callers[caller]),
            checks=CHECKS,
            timeout=SECONDS,
        )


@pytest.fixture(params=["sqlite", "postgres"])
def fuzzed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Fuzzed]:
    place = f"sqlite:///{tmp_path / 'l.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    text = config(place).replace("[server]\n", "[server]\nsignup = true\n") + SOLD
    with house(tmp_path, text) as made, requests.Session() as http:
        http.trust_env = False
        yield _filled(made, http)


def fuzz(fuzzed: Fuzzed, examples: int) -> None:
    """Every operation, with data that its schema allows and with data that it forbids."""
    load_all_checks()
    settled = schemathesis.Config.from_dict({"generation": {"with-security-parameters": False}})
    schema = schemathesis.openapi.from_dict(fuzzed.document, config=settled)
    patient = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    for operation in sorted(_operations(schema), key=lambda each: each.label == LAST):
        # An address alone cannot be wrong: any text is an id that is not there.
        modes = GenerationMode if operation.body or operation.query else (GenerationMode.POSITIVE,)
        for mode in modes:

            @settings(max_examples=examples, suppress_health_check=patient)
            @given(operation.as_strategy(mode), st.sampled_from(fuzzed.who(operation)), st.booleans())
            def ask(case: Case[Any], caller: str, there: bool) -> None:
                fuzzed.send(case, caller, there)

            ask()


def _operations(schema: BaseSchema) -> Iterator[Operation]:
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        if operation.path != WITHOUT_END:
            yield operation


def test_what_the_document_says_is_so(fuzzed: Fuzzed) -> None:
    fuzz(fuzzed, EXAMPLES)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_what_the_document_says_is_so_at_length(fuzzed: Fuzzed) -> None:
    fuzz(fuzzed, EXAMPLES_LONG)


def _filled(made: House, http: requests.Session) -> Fuzzed:
    account_id, key = made.account(nanos=1_000 * NANOS_PER_USD)
    People(made.ledger, made.codec).set_email(account_id, EMAIL)
    gateway = trio.run(made.gateway)
    origin = f"http://127.0.0.1:{gateway.port}"
    owner = {"cookie": f"{COOKIE_ON_LOOPBACK}={Sessions(made.ledger).begin(account_id)}"}
    bearer = {"authorization": f"Bearer {key}"}
    body = {"model": MODEL, "input": "Say something."}
    answered = http.post(f"{origin}/v1/responses", json=body, headers=bearer, timeout=SECONDS)
    opened = http.post(f"{origin}/api/checkout", json={"pack": "starter"}, headers=owner, timeout=SECONDS)
    spare = http.post(f"{origin}/api/keys", json={"name": "spare"}, headers=owner, timeout=SECONDS)
    known = {
        "model": MODEL,
        "model_id": MODEL,
        "pack": "starter",
        "request_id": answered.headers["x-request-id"],
        "checkout_id": opened.json()["checkout_id"],
        "session_id": opened.json()["url"].rpartition("/")[2],
        "key_id": spare.json()["key"]["id"],
        "email": "new@example.org",
        "password": "a long enough password",
        "messages": [{"role": "user", "content": "Say something."}],
        "threshold": "5.00",
        "monthly_ceiling": "50.00",
        "monthly_budget": "12.50",
        "expires_at": "2099-12-31",
    }
    document = http.get(f"{origin}/openapi.json", timeout=SECONDS).json()
    callers = {"session": owner, "key": bearer, "nobody": {}}
    return Fuzzed(origin, http, callers, known, document)
