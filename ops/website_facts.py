"""Write the facts that the website's documentation shows (errors, routes, headers, limits), from the tables of ops/reference.md.

    python -m ops.website_facts web/lib/facts.json

Rule 1: names, codes, statuses and figures come from the reference alone, which the tests hold against the code.
Rule 2: a sentence comes from the reference too, unless it is an operator's: then the tables below say it in a customer's words.
Rule 3: a table below that names a row the reference does not have raises UnknownRow.

The file is written only if it would change, so that an unchanged one causes no rebuild.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

REFERENCE = Path(__file__).with_name("reference.md")
THEIRS = "provider"
"""In place of a code that is the provider's own."""

OPERATORS_ROUTES = {"/api/stripe/webhook", "/healthz", "/readyz", "/metrics"}

ROUTES = {
    ("POST", "/v1/responses"): "The primary OpenAI-compatible responses API.",
    ("POST", "/v1/chat/completions"): "For legacy chat completion clients.",
    ("POST", "/v1/files"): "Uploads a file and returns its file object.",
    ("POST", "/api/signup"): (
        "Creates an account and its sign-in. The response is the same if the e-mail is already registered."
    ),
    ("GET", "/api/events"): "The account's changes, as server-sent events.",
    ("GET", "/api/proofs/{id}"): (
        "A signed receipt of a request, payment, refund, dispute or grant, as text that can be verified on its own."
    ),
    ("GET", "/api/exports/{id}"): (
        "The account's books as a download: `csv`, `parquet`, `focus`, `beancount` or `hledger`, "
        "with `table`, `from`, `to` and `after`."
    ),
    ("GET", "/api/statements/{id}"): (
        "A month (`2026-11`): balances before and after, totals, and usage by model; a printable page with `format=html`."
    ),
    ("GET", "/log/key"): "The log's public keys, one per line, the current one first.",
    ("GET", "/log/tile/{id}"): "A tile of the log's hashes.",
}
"""What a route does, by method and path."""

ERRORS = {
    (400, "unsupported_parameter"): (
        (
            "The parameter requests something unsupported: stored state, audio, a service tier without a price, "
            "a file or container at the provider, or a feature that none of the model's providers has. "
            "The message says what would work."
        ),
        "Remove it, or use another model.",
    ),
    (400, "invalid_signature"): (
        "A payment webhook was not signed by the payment processor, or was signed too long ago. Nothing was stored.",
        "For operators: check the webhook's secret, and the clock.",
    ),
    (401, "invalid_api_key"): (
        "The key is missing, incomplete, unknown, revoked, expired, or another provider's. The message says which.",
        "Create a key in the dashboard.",
    ),
    (402, "account_frozen"): (
        "The account accepts no new requests: the operator froze it, or a refund or dispute took more credit than was left.",
        "Buy credit, or contact the operator.",
    ),
    (403, "file_storage_full"): (
        "The account has reached its limit on the number or the total size of files.",
        "Delete some, or upload with `expires_after`.",
    ),
    (403, "signup_disabled"): ("Sign-up is not open here.", "Contact the operator."),
    (403, "cross_origin"): (
        "A page of another origin sent a request with the session of the person signed in.",
        "Send it from a page of this site, or ask the operator to allow your origin.",
    ),
    (408, "request_timeout"): (
        "The headers or the body arrived too slowly; within a stream: the client stopped reading for too long.",
        "Send or read faster.",
    ),
    (413, "request_too_large"): (
        (
            "The body is too large, its inline and referenced content exceeds 50 MB (52,428,800 bytes), "
            "or no provider of the model accepts a request of that size."
        ),
        "Send less.",
    ),
    (429, "too_many_exports"): ("Too many of the account's exports are in progress.", "Wait for one to finish."),
    (429, "too_many_streams"): ("The account has too many event streams open.", "Close one."),
    (429, "concurrency_limit_exceeded"): ("The key has too many requests open.", "Wait for one to finish."),
    (500, "internal_error"): (
        "Something failed on our side. It is logged under the `x-request-id`.",
        "Try again; if the problem persists, send us the `x-request-id`.",
    ),
    (502, "upstream_error"): (
        "The provider failed, or it rejected the gateway's own key, permission or credit.",
        "Try again; if the problem persists, send us the `x-request-id`.",
    ),
    (502, "payments_refused"): ("The payment processor rejected the request.", "Send us the `x-request-id`."),
    (503, "not_sealed_yet"): ("No signed checkpoint covers the receipt's event yet.", "Wait for `retry-after`."),
}
"""When an error occurs and what to do about it, by status and code."""

REQUEST_HEADERS: dict[str, str | None] = {
    "authorization": None,
    "content-type": None,
    "idempotency-key": "A retry with the same key is never charged twice. See [idempotency](/docs/idempotency).",
    "x-client-request-id": None,
}
ANSWER_HEADERS: dict[str, str | None] = {
    "x-request-id": None,
    "x-client-request-id": None,
    "retry-after": None,
    "x-should-retry": None,
    "x-ratelimit-limit-requests": "Requests that the key may start in a minute.",
    "x-ratelimit-remaining-requests": None,
    "x-ratelimit-reset-requests": None,
    "x-ratelimit-limit-tokens": None,
    "x-ratelimit-remaining-tokens": None,
    "x-ratelimit-reset-tokens": None,
}
"""The headers that customers need, in order; None takes the reference's sentence."""

FIXED_LIMITS = {
    "Request line and headers, bytes": "Request line and headers, bytes",
    "Seconds for the headers": "Time to receive the headers, seconds",
    "Seconds for the body": "Time to receive the body, seconds",
    "Levels of nesting in a body": "Nesting depth of a body",
    "Values in a body": "Values in a body",
    "Tools in a request": "Tools per request",
    "Choices (`n`)": "Choices (`n`)",
    "`max_tool_calls`": "`max_tool_calls`",
    "Bytes of a body under `/api`": "Request body under `/api`, bytes",
    "Keys of an account, revoked ones included": "Keys per account, including revoked ones",
    "Models that a key names": "Models in a key's list",
    "Rows of a page of transactions": "Transactions per page",
    "Characters of an `Idempotency-Key`": "Length of an `Idempotency-Key`, characters",
    "Characters of an `x-client-request-id`": "Length of an `x-client-request-id`, characters",
}
"""The limits that customers can meet: the reference's name, and the name shown."""

COST_LINES = {
    "web_search_call": "Web searches, as the provider counts them.",
    "image:QUALITY/SIZE": "Images generated, each at the price of its quality and size.",
}
RELEASE_REASONS = {
    "upstream_failed": "Every provider refused, failed or timed out, or the response broke off.",
    "internal_error": "Something failed on our side. It is logged.",
}
"""The lines of a charge and the reasons of a release that customers read in other words."""


class UnknownRow(LookupError):
    """ops/reference.md has no such heading or row."""


def section(heading: str) -> str:
    """The text under a heading, up to the next heading of any level. Raises UnknownRow."""
    parts = re.split(r"^#+ (.*)$", REFERENCE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for found, body in zip(parts[1::2], parts[2::2], strict=True):
        if found == heading:
            return body
    raise UnknownRow(f"ops/reference.md has no heading {heading!r}")


def tables(heading: str, columns: int) -> list[list[list[str]]]:
    """The tables under a heading whose rows have that many columns, without their header rows. Raises UnknownRow."""
    found = re.findall(r"(?:^\|.*\n)+", section(heading), re.MULTILINE)
    tables = [[_cells(line) for line in table.splitlines()[2:]] for table in found]
    return [table for table in tables if all(len(row) == columns for row in table)]


def facts() -> dict[str, list[dict[str, Any]]]:
    """Every table of web/lib/facts.json. Raises UnknownRow."""
    read, written = map(_named, tables("Headers", 2))
    lines, reasons = map(_named, tables("What a request costs", 2))
    [limits] = tables("Keys and their limits", 3)
    [transactions] = tables("The account API", 4)
    return {
        "errors": _errors(),
        "endpoints": _routes(),
        "request_headers": _said(REQUEST_HEADERS, read, "meaning"),
        "answer_headers": _said(ANSWER_HEADERS, written, "meaning"),
        "key_limits": [
            {"name": name.strip("`"), "refused": refused, "window": window} for name, refused, window in limits
        ],
        "fixed_limits": _fixed_limits(),
        "cost_lines": _said({**dict.fromkeys(lines), **COST_LINES}, lines, "counts"),
        "release_reasons": _said({**dict.fromkeys(reasons), **RELEASE_REASONS}, reasons, "when"),
        "transactions": [
            {"name": name.strip("`"), "amount": amount, "reference": reference}
            for name, amount, _id, reference in transactions
        ],
    }


def write(path: Path) -> None:
    body = json.dumps(facts(), indent=2, ensure_ascii=False) + "\n"
    if not path.exists() or path.read_text(encoding="utf-8") != body:
        path.write_text(body, encoding="utf-8")


def _errors() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    words = dict(ERRORS)
    for status, kind, cell, *sentences, retry in _rows("Errors", 6):
        code = {"`null`": None, "*the provider's*": THEIRS}.get(cell, cell.strip("`"))
        when, todo = words.pop((int(status), code or ""), sentences)
        found.append(
            {"status": int(status), "type": kind.strip("`"), "code": code, "when": when, "todo": todo, "retry": retry}
        )
    _check_used(words, "Errors")
    return found


def _routes() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    words = dict(ROUTES)
    for method, path, key, does in ([cell.strip("`") for cell in row[:2]] + row[2:] for row in _rows("Routes", 4)):
        if path not in OPERATORS_ROUTES:
            found.append({"method": method, "path": path, "key": key, "answers": words.pop((method, path), does)})
    _check_used(words, "Routes")
    return found


def _fixed_limits() -> list[dict[str, Any]]:
    values = dict(_rows("Fixed limits", 2))
    _check_used(FIXED_LIMITS.keys() - values.keys(), "Fixed limits")
    return [{"name": shown, "value": int(values[name])} for name, shown in FIXED_LIMITS.items()]


def _rows(heading: str, columns: int) -> list[list[str]]:
    return [row for table in tables(heading, columns) for row in table]


def _said(chosen: dict[str, str | None], known: dict[str, str], member: str) -> list[dict[str, Any]]:
    """The chosen names, each with the sentence chosen for it or the reference's."""
    _check_used(chosen.keys() - known.keys(), member)
    return [{"name": name, member: own or known[name]} for name, own in chosen.items()]


def _named(table: list[list[str]]) -> dict[str, str]:
    return {name.strip("`"): text for name, text in table}


def _check_used(left: Iterable[object], where: str) -> None:
    """Raises UnknownRow if any name is left."""
    names = sorted(map(str, left))
    if names:
        raise UnknownRow(f"ops/reference.md, {where}, has no row for {', '.join(names)}")


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


if __name__ == "__main__":
    write(Path(sys.argv[1]))
