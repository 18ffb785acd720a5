"""Costs and fixed limits in ops/reference.md, compared with the constants of the code.

Rule: expectations come from the code itself; nothing that the reference should say is written down a second time here.
"""

from __future__ import annotations

from app.accounts import links, passwords, people, sessions, throttle
from app.edge import body
from app.edge.application import CLIENT_ID_LENGTH_MAX
from app.edge.limits import ServerLimits
from app.exports import download
from app.feed import feed
from app.payments import inbox
from app.payments.stripe import SIGNATURE_SECONDS
from app.read_models.queries import ROWS_MAX
from app.reports import providers
from app.routes.bodies import BODY_BYTES_MAX
from app.routes.completions import IDEMPOTENCY_KEY_LENGTH_MAX
from app.routes.payments import WEBHOOK_BYTES_MAX
from app.statements import month
from app.wire.chat.request import CHOICES_MAX
from app.wire.json_outline import DEPTH_MAX, PIECES_MAX
from app.wire.request import TOOLS_MAX
from domain.api_key import KEYS_PER_ACCOUNT_MAX, MODELS_PER_KEY_MAX
from domain.checkout import CHECKOUTS_PER_DAY_MAX
from domain.demand import TOOL_CALLS_DEFAULT, TOOL_CALLS_MAX
from domain.pricing import TOKEN_KINDS
from domain.request import IMAGE_TOKENS_MAX, TOKENS_PER_PAGE_MAX
from domain.usage import BYTES_PER_TOKEN, TOKENS_PER_FILE, TOKENS_PER_IMAGE, TOKENS_PER_PAGE
from tests.support.docs.reference import REFERENCE, rows
from tests.support.docs.source import calls, literals

RELEASING = ("release", "_release", "stop", "stop_all", "Stopped")
LINES = {*TOKEN_KINDS, "web_search_call", "image:QUALITY/SIZE", "call:TOOL", "rounding"}


def test_the_cost_lines_are_the_kinds_that_are_priced() -> None:
    assert set(rows("What a request costs", 2)) >= LINES


def test_the_reasons_of_releases_are_those_in_the_code() -> None:
    arguments = [value for call in calls(RELEASING) for value in (*call.args, *(each.value for each in call.keywords))]
    reasons = {word for value in arguments for word in literals(value)}
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
        "Levels of nesting in a body": str(DEPTH_MAX),
        "Values in a body": str(PIECES_MAX),
        "Tools in a request": str(TOOLS_MAX),
        "Choices (`n`)": str(CHOICES_MAX),
        "max_tool_calls": str(TOOL_CALLS_MAX),
        "Bytes of a body under `/api": str(BODY_BYTES_MAX),
        "Bytes of a webhook": str(WEBHOOK_BYTES_MAX),
        "Days of a session": str(sessions.SESSION_DAYS),
        "Minutes that a sign-in link is valid": str(links.LINK_MINUTES),
        "Event streams per account": str(feed.ACCOUNT_STREAMS_MAX),
        "Event streams per process": str(feed.STREAMS_MAX),
        "Concurrent exports per account and process": str(download.ACCOUNT_EXPORTS_MAX),
        "Concurrent exports per process": str(download.EXPORTS_MAX),
        "Rows shown in a statement": str(month.ROWS_SHOWN_MAX),
        "Requests in a provider's export": str(providers.REQUESTS_MAX),
        "Unread events of a stream": str(feed.WAITING_MAX),
        "Missed events that a reconnecting client is sent": str(feed.MISSED_MAX),
        "Days that a webhook's document is kept": str(inbox.KEPT_DAYS),
        "Seconds that a webhook's signature is valid": str(SIGNATURE_SECONDS),
        "Checkouts started per account and UTC day": str(CHECKOUTS_PER_DAY_MAX),
        "Keys of an account, revoked ones included": str(KEYS_PER_ACCOUNT_MAX),
        "Models that a key names": str(MODELS_PER_KEY_MAX),
        "Rows of a page of transactions": str(ROWS_MAX),
        "Sign-in attempts per e-mail in 15 minutes": str(throttle.SIGN_IN_OF_EMAIL.attempts),
        "Sign-in attempts per client address in 15 minutes": str(throttle.SIGN_IN_FROM_ADDRESS.attempts),
        "Password changes attempted per account in 15 minutes": str(throttle.PASSWORD_OF_ACCOUNT.attempts),
        "Sign-ups per client address in an hour": str(throttle.SIGN_UP_FROM_ADDRESS.attempts),
        "Characters of an e-mail": str(people.EMAIL_LENGTH_MAX),
        "Characters of a password, at least": str(passwords.LENGTH_MIN),
        "Characters of a password": str(passwords.LENGTH_MAX),
        "Passwords hashed at the same time": str(passwords.AT_ONCE),
        "Passwords waiting to be hashed": str(passwords.WAITING_MAX),
        "Characters of an `Idempotency-Key": str(IDEMPOTENCY_KEY_LENGTH_MAX),
        "Characters of an `x-client-request-id": str(CLIENT_ID_LENGTH_MAX),
    }
