"""ops/reference.md against the code: what is missing there, or named there and gone, fails.

Rule: expectations are taken from the code itself (the error table, the map of routes, the registry of metrics and so on);
nothing that the reference should say is written down a second time here.
"""

from __future__ import annotations

import ast
import json
import re
from collections import defaultdict
from types import SimpleNamespace
from typing import Any, cast

import click
import msgspec
import pytest

from app import errors, faults
from app.accounts import links, passwords, people, sessions, throttle
from app.edge import body, cors
from app.edge.application import _STREAM_HEADERS, CLIENT_ID_LENGTH_MAX
from app.edge.limits import ServerLimits
from app.exports import download
from app.exports.kinds import FOCUS, KINDS
from app.exports.kinds import TABLES as TABLES_OF_EXPORTS
from app.faults import (
    BadSignature,
    FileTooLarge,
    NoSuchFile,
    NotSealedYet,
    NotSettledYet,
    ReadModelsUnavailable,
    StorageUnavailable,
    TooManyAttempts,
    TooManyConflicts,
    UpstreamBroken,
    UpstreamError,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnreachable,
    VendorRefused,
    VendorUnavailable,
)
from app.feed import feed
from app.ledger.store import StoreBusy, StoreUnavailable
from app.payments import inbox
from app.payments.stripe import SIGNATURE_SECONDS
from app.read_models.queries import ROWS_MAX
from app.reports import providers
from app.requests.opening import answer_fault
from app.routes import application, openapi
from app.routes.bodies import BODY_BYTES_MAX
from app.routes.completions import IDEMPOTENCY_KEY_LENGTH_MAX, KEEP_ALIVE
from app.routes.payments import WEBHOOK_BYTES_MAX
from app.services import Services
from app.settings import Settings
from app.settings.load import TABLES
from app.settings.protocols import TRAITS, possible_tools
from app.settings.secret import Secret
from app.statements import month as figures
from app.telemetry.metrics import Metrics
from app.upstream.simulator.directives import RULES
from app.website.opening import SITE_BYTES_MAX, SITE_FILES_MAX
from app.website.policy import POLICY_LENGTH_MAX
from app.website.site import HASHED, Site
from app.wire.chat.passthrough import ChatStreamRelay
from app.wire.chat.request import CHOICES_MAX
from app.wire.exchange import AnswerError, RequestError
from app.wire.json_outline import DEPTH_MAX, PIECES_MAX
from app.wire.relay import DONE
from app.wire.request import TOOLS_MAX
from app.wire.responses.passthrough import ResponsesStreamRelay
from domain import errors as domain
from domain import rates
from domain.api_key import KEYS_PER_ACCOUNT_MAX, MODELS_PER_KEY_MAX
from domain.checkout import CHECKOUTS_PER_DAY_MAX
from domain.events import EVENTS
from domain.pricing import TOKEN_KINDS
from domain.rates import Rate
from domain.request import IMAGE_TOKENS_MAX, TOKENS_PER_PAGE_MAX, TOOL_CALLS_DEFAULT, TOOL_CALLS_MAX
from domain.usage import BYTES_PER_TOKEN, CALLED_TOOLS, TOKENS_PER_FILE, TOKENS_PER_IMAGE, TOKENS_PER_PAGE
from tests.support.docs.documents import Document, check_names, commands, spans
from tests.support.docs.reference import REFERENCE, names, rows
from tests.support.docs.source import calls, codes, codes_of, literals, name_of, status_of
from tests.support.paths import ROOT
from tests.support.website.website import FILES

THEIRS = "the provider's"
REFUSING = ("BadRequest", "RequestError")
RELEASING = ("release", "_release", "stop", "stop_all", "Stopped")
LINES = {*TOKEN_KINDS, "web_search_call", "image:QUALITY/SIZE", "call:TOOL", "rounding"}
EXAMPLES: tuple[Exception, ...] = (
    faults.BadRequest("x"),
    faults.Unauthorized("missing"),
    faults.NotFound(),
    faults.MethodNotAllowed("PUT", ("GET",)),
    faults.RequestTooSlow("x"),
    faults.IdempotencyKeyUsed("req_1", "open"),
    faults.BodyTooLarge(1),
    faults.UnsupportedMediaType("x"),
    faults.HeadersTooLarge("x"),
    faults.HttpVersionNotSupported("x"),
    RequestError("x"),
    NoSuchFile("file-1"),
    FileTooLarge(),
    domain.InvalidValue("field", "x"),
    domain.NotFound("x"),
    domain.AlreadyExists("x"),
    domain.KeyIsRevoked(),
    domain.KeyIsExpired(),
    domain.InsufficientQuota(2, 1),
    domain.FilesFull("files", 1, 1, 0),
    domain.AccountIsFrozen(),
    domain.ModelNotAllowed("m"),
    domain.ModelNotFound("m"),
    domain.RateLimited("requests per minute", 1, 1, 0, 1),
    domain.RateLimited("tokens per minute", 1, 2, 0, None),
    domain.TooManyCheckouts(1),
    faults.SignUpDisabled(),
    faults.InvalidCredentials(),
    faults.InvalidLink(),
    faults.NotSignedIn(),
    faults.SessionRequired(),
    faults.CrossOrigin(),
    faults.TooManyExports(1),
    faults.TooManyStreams(1),
    faults.CheckoutDisabled(),
    faults.PaymentMethodRequired(),
    TooManyAttempts(1),
    TooManyConflicts("x"),
    BadSignature("x"),
    VendorUnavailable("x"),
    VendorRefused("x"),
    NotSettledYet(),
    NotSealedYet(),
    domain.DomainError("x"),
    faults.Overloaded(per_key=True),
    faults.Overloaded(per_key=False),
    faults.ShuttingDown(),
    StoreBusy("x"),
    StoreUnavailable("x"),
    StorageUnavailable("x"),
    ReadModelsUnavailable("x"),
    *(UpstreamRefused("u", "x", status=status, code=THEIRS) for status in range(400, 600)),
    UpstreamTimeout("u", "x"),
    UpstreamBroken("u", "x"),
    UpstreamUnreachable("u", "x"),
    UpstreamError("u", "x"),
    AnswerError("x", malformed=True),
    answer_fault("u", AnswerError("x", malformed=False, type="invalid_request_error", code=THEIRS)),
    answer_fault("u", AnswerError("x", malformed=False, code=THEIRS)),
    RuntimeError("what the table does not know"),
)


# Routes


def test_the_routes_are_those_of_the_application() -> None:
    app = application(cast(Services, SimpleNamespace(settings=Settings())))
    served = {
        (method, re.sub(r"<path:\w+>|<\w+>", "{id}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert {(row[0].strip("`"), row[1].strip("`")) for row in REFERENCE.rows("Routes", 4)} == served


def test_who_may_call_a_route_is_told_as_its_openapi_says() -> None:
    app = application(cast(Services, SimpleNamespace(settings=Settings())))
    told = {(row[0].strip("`").lower(), row[1].strip("`")): row[2] for row in REFERENCE.rows("Routes", 4)}
    words = {"": "none", "session": "session", "session key": "session or key", "key": "required", " key": "optional"}
    for path, operations in json.loads(openapi.document(app))["paths"].items():
        for method, operation in operations.items():
            schemes = " ".join("".join(each) for each in operation["security"])
            assert told[method, re.sub(r"{\w+}", "{id}", path)] == words[schemes], path


# Errors


def test_every_row_of_the_error_table_has_an_example_here() -> None:
    assert set(errors._TABLE) <= {type(error) for error in EXAMPLES}


def test_the_errors_are_those_that_clients_can_meet() -> None:
    """Status, type and code, and whether the SDKs try again."""
    tried: dict[tuple[str, str, str], set[bool]] = defaultdict(set)
    for error in EXAMPLES:
        for endpoint in ("responses", "chat", None):
            problem = errors.problem_of(error, endpoint=endpoint)
            word = {None: "`null`", THEIRS: f"*{THEIRS}*"}.get(problem.code, f"`{problem.code}`")
            again = problem.status in (408, 409, 429) or problem.status >= 500
            tried[str(problem.status), f"`{problem.type}`", word].add(again and errors.NO_RETRY not in problem.headers)
    for call in calls(REFUSING):
        for code in codes_of(call):
            tried[status_of(call), f"`{errors.INVALID}`", f"`{code}`"].add(False)
    words = {(True,): "yes", (False,): "no", (False, True): "depends"}
    expected = {key: words[tuple(sorted(again))] for key, again in tried.items()}
    told = {(row[0], row[1], row[2]): row[5] for row in REFERENCE.rows("Errors", 6)}
    assert told == expected


def test_what_the_simulator_refuses_with_is_told() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "app/upstream/simulator").rglob("*.py"))
    told = spans(REFERENCE.section("The simulator").partition("its own refusals")[2])
    general = {row[2].strip("`") for row in REFERENCE.rows("Errors", 6)}
    assert codes(("Rejected",), ROOT / "app/upstream/simulator", but="") <= told | general
    assert all(f'"{code.replace("decimal_", "integer_")}"' in source for code in told)


# Headers and streams


def test_every_header_that_matters_is_told() -> None:
    sent = {name for error in EXAMPLES for name, _value in errors.problem_of(error).headers}
    sent |= set(cors.preflight(None))
    sent |= (
        {name.decode() for name, _value in cors.EXPOSE} | set(_STREAM_HEADERS) | {"x-request-id", "x-client-request-id"}
    )
    read, _, written = REFERENCE.section("Headers").partition("| Sent by the gateway |")
    assert sent <= names(written)
    assert set(cors.EXPOSED_HEADERS.split(", ")) <= spans(written)
    assert {"set-cookie", "access-control-allow-credentials", "vary", *names_of_rates()} <= names(written)
    of_all = {*cors.DEFAULT_HEADERS.split(", "), "content-encoding", "expect", "origin", "cookie"}
    assert of_all | headers_read() == names(read)
    assert f"{cors.MAX_AGE_SECONDS} seconds" in written


def names_of_rates() -> set[str]:
    return set(rates.headers(Rate(kind, 1, 1, 1) for kind in ("requests", "tokens")))


def headers_read() -> set[str]:
    """What the routes look for in a request's headers, by name."""
    return {
        word
        for call in calls(("get", "getlist"), ROOT / "app/routes")
        if isinstance(call.func, ast.Attribute) and name_of(call.func.value) == "headers"
        for word in literals(call.args[0])
    }


def test_streams_end_in_errors_as_told() -> None:
    told = {name: cells[0] for name, cells in rows("Streaming", 2).items()}
    endings = {
        "/v1/responses": ResponsesStreamRelay(model="m", upstream="u").failure(message="x", type="t", code="c"),
        "/v1/chat/completions": ChatStreamRelay(model="m", include_usage=False, choices=1).failure(
            message="x", type="t", code="c"
        ),
    }
    assert set(told) == set(endings)
    for endpoint, frames in endings.items():
        assert frames.endswith(DONE) == told[endpoint].endswith("then `[DONE]`."), endpoint
    error = msgspec.json.decode(endings["/v1/responses"].partition(b"data: ")[2].partition(b"\n")[0])
    assert set(error) - {"type"} <= spans(told["/v1/responses"])


def test_the_keep_alive_comment_is_the_one_that_is_sent() -> None:
    assert KEEP_ALIVE.decode().strip() in spans(REFERENCE.section("Streaming"))


def test_the_headers_and_limits_of_the_website_are_told() -> None:
    site = Site(FILES, https=True)
    answers = [site.answer(path, [(b"accept-encoding", b"gzip")]) for path in site.addresses]
    sent = {name.decode() for answer in answers for name, _value in answer.fields}
    text = " ".join(REFERENCE.section("The website").split())
    assert set(rows("The website", 2)) == sent - {"content-type", "content-length", "vary"}
    assert f"under `/{HASHED}`" in text
    assert (
        f"{SITE_BYTES_MAX} bytes and {SITE_FILES_MAX} files, and a page's policy {POLICY_LENGTH_MAX} characters" in text
    )


# Money


def test_the_cost_lines_are_the_kinds_that_are_priced() -> None:
    assert set(rows("What a request costs", 2)) >= LINES


def test_the_reasons_of_releases_are_those_in_the_code() -> None:
    given = [value for call in calls(RELEASING) for value in (*call.args, *(each.value for each in call.keywords))]
    reasons = {word for value in given for word in literals(value)}
    assert set(rows("What a request costs", 2)) - LINES == reasons


def test_the_figures_of_holds_and_estimates_are_those_in_the_code() -> None:
    text = " ".join(REFERENCE.section("What a request costs").split())
    assert f"{IMAGE_TOKENS_MAX} for each image; {TOKENS_PER_PAGE_MAX} for each page of a PDF" in text
    assert f"`max_tool_calls`, else {TOOL_CALLS_DEFAULT}," in text
    assert f"{BYTES_PER_TOKEN} bytes of text are a token" in text
    page = f"a page of a PDF {TOKENS_PER_PAGE} and a file of unknown length {TOKENS_PER_FILE}"
    assert f"an image read is {TOKENS_PER_IMAGE} tokens, {page}" in text


def test_the_fixed_limits_are_those_in_the_code() -> None:
    limits = ServerLimits()
    assert {name: cells[0] for name, cells in rows("Fixed limits", 2).items()} == {
        "Request line and headers, bytes": str(limits.head_bytes),
        "Headers of a request": str(limits.head_fields),
        "Seconds for the headers": f"{limits.head_seconds:g}",
        "Seconds for the body": f"{body.BODY_SECONDS:g}",
        "Seconds between two requests of a connection": f"{limits.idle_seconds:g}",
        "Levels of nesting in a body": str(DEPTH_MAX),
        "Values in a body": str(PIECES_MAX),
        "Tools in a request": str(TOOLS_MAX),
        "Choices (`n`)": str(CHOICES_MAX),
        "max_tool_calls": str(TOOL_CALLS_MAX),
        "Bytes of a body under `/api": str(BODY_BYTES_MAX),
        "Bytes of a webhook": str(WEBHOOK_BYTES_MAX),
        "Days of a session": str(sessions.SESSION_DAYS),
        "Minutes of a sign-in link": str(links.LINK_MINUTES),
        "Streams of events of an account": str(feed.ACCOUNT_STREAMS_MAX),
        "Streams of events of a process": str(feed.STREAMS_MAX),
        "Exports that an account is sent at once, in a process": str(download.ACCOUNT_EXPORTS_MAX),
        "Exports that a process sends at once": str(download.EXPORTS_MAX),
        "Rows that a statement shows": str(figures.ROWS_SHOWN_MAX),
        "Requests in a provider's export": str(providers.REQUESTS_MAX),
        "Events that wait for the reader of a stream": str(feed.WAITING_MAX),
        "Events that a reader who comes back may have missed": str(feed.MISSED_MAX),
        "Days of a webhook's document": str(inbox.KEPT_DAYS),
        "Seconds that a webhook's signature is good for": str(SIGNATURE_SECONDS),
        "Checkouts that an account begins in a UTC day": str(CHECKOUTS_PER_DAY_MAX),
        "Keys of an account, revoked ones included": str(KEYS_PER_ACCOUNT_MAX),
        "Models that a key names": str(MODELS_PER_KEY_MAX),
        "Rows of a page of transactions": str(ROWS_MAX),
        "Attempts to sign in of an e-mail in 15 minutes": str(throttle.SIGN_IN_OF_EMAIL.attempts),
        "Attempts to sign in from an address in 15 minutes": str(throttle.SIGN_IN_FROM_ADDRESS.attempts),
        "Attempts to change a password in 15 minutes": str(throttle.PASSWORD_OF_ACCOUNT.attempts),
        "Sign-ups from an address in an hour": str(throttle.SIGN_UP_FROM_ADDRESS.attempts),
        "Characters of an e-mail": str(people.EMAIL_LENGTH_MAX),
        "Characters of a password, at least": str(passwords.LENGTH_MIN),
        "Characters of a password": str(passwords.LENGTH_MAX),
        "Passwords that are hashed at a time": str(passwords.AT_ONCE),
        "Passwords that wait for it": str(passwords.WAITING_MAX),
        "Characters of an `Idempotency-Key": str(IDEMPOTENCY_KEY_LENGTH_MAX),
        "Characters of an `x-client-request-id": str(CLIENT_ID_LENGTH_MAX),
    }


# Settings


def heading_of(path: tuple[str, ...]) -> str:
    """`[limits]`, or `[[model]]` where there may be many."""
    table = ".".join(path)
    many = path[-1] in ("upstream", "model", "above", "tier", "pack", "provider_export")
    return f"`[[{table}]]`" if many else f"`[{table}]`"


def default_of(field: msgspec.structs.FieldInfo) -> str:
    value: Any = field.default
    if value is msgspec.NODEFAULT:
        return "required"
    if value is msgspec.UNSET:
        return "unset"
    if isinstance(value, Secret):
        value = value.reveal()
    return f"`{json.dumps(value)}`"


@pytest.mark.parametrize("path", [path for path in TABLES if path], ids=".".join)
def test_the_settings_of_a_table_and_their_defaults(path: tuple[str, ...]) -> None:
    defined = {field.encode_name: default_of(field) for field in msgspec.structs.fields(TABLES[path])}
    assert {name: cells[0] for name, cells in rows(heading_of(path), 3).items()} == defined


def test_the_exports_and_their_tables_are_told() -> None:
    told = " ".join(row[0] for row in REFERENCE.rows("The books", 3))
    assert spans(told) == {*KINDS, *TABLES_OF_EXPORTS, FOCUS}


def test_every_tool_that_may_have_a_price_by_the_call_is_told() -> None:
    assert set(rows("`[model.price.calls]`", 3)) == set(CALLED_TOOLS)


def test_no_table_of_settings_is_told_that_does_not_exist() -> None:
    told = re.findall(r"^### (`\[.*\]`)$", REFERENCE.text, re.MULTILINE)
    assert sorted(told) == sorted(heading_of(path) for path in TABLES if path)


def test_the_tools_of_protocols_are_those_in_the_code() -> None:
    told = rows("`[[model]]`", 2)
    assert set(told) == set(TRAITS)
    for protocol, cells in told.items():
        always, _, more = cells[0].partition("; where `endpoints` names `responses`, also ")
        assert spans(always) == possible_tools(protocol, ("chat",)), protocol
        assert spans(always) | spans(more) == possible_tools(protocol, ("responses", "chat")), protocol


# Commands


def test_the_commands_their_options_and_their_first_lines() -> None:
    told = {name: (spans(cells[0]), starred(cells[0]), cells[1]) for name, cells in rows("Commands", 3).items()}
    assert told == {name: parts_of(command) for name, command in commands()}


def starred(cell: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`\\\*", cell))


def parts_of(command: click.Command) -> tuple[set[str], set[str], str]:
    """Arguments and options but those that all have, those of them that are required, the first line of the help."""
    options = [option for option in command.params if isinstance(option, click.Option)]
    arguments = {each.human_readable_name for each in command.params if isinstance(each, click.Argument)}
    own = {option.opts[0] for option in options} - {"--config", "--json"}
    return (
        arguments | own,
        {option.opts[0] for option in options if option.required},
        (command.help or "").split("\n")[0],
    )


# Metrics


def test_the_metrics_their_kinds_and_labels() -> None:
    collectors: list[Any] = list(Metrics([], []).registry._collector_to_names)
    made = {
        f"{metric._name}_total" if metric._type == "counter" else metric._name: (metric._type, set(metric._labelnames))
        for metric in collectors
        if hasattr(metric, "_labelnames")
    }
    assert {name: (cells[0], spans(cells[1])) for name, cells in rows("Metrics", 4).items()} == made


@pytest.mark.parametrize("path", ["ops/reference.md", "ops/runbook.md"])
def test_no_metric_is_named_that_is_not_there(path: str) -> None:
    told = {name for span in Document(path).spans() for name in re.findall(r"\brealrouter_[a-z_]+\b(?!\.py)", span)}
    assert told
    assert told <= set(rows("Metrics", 4))


# The simulator and the events


def test_the_directives_of_the_simulator_their_bounds_and_meanings() -> None:
    assert {name: cells[0] for name, cells in rows("The simulator", 2).items()} == {
        str(rule): rule.meaning for rule in RULES.values()
    }


def test_the_topics_of_events() -> None:
    assert set(rows("Events", 3)) == {event.TOPIC for event in EVENTS}


@pytest.mark.parametrize("path", ["ops/reference.md", "ops/runbook.md"])
def test_no_command_option_or_setting_is_named_that_is_not_there(path: str) -> None:
    check_names(Document(path))
