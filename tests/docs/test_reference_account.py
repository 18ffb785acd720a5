"""Accounts, keys and payments in ops/reference.md and ops/runbook.md, compared with the code.

Rule: as in test_reference.py, expectations come from the code itself.
"""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import cast

import msgspec

from app.accounts import throttle
from app.accounts.links import LINK_MINUTES
from app.faults import InvalidLink
from app.feed import feed
from app.ledger.store import Tables
from app.payments import automatic, inbox, sweep
from app.payments.simulator import SimulatedVendor
from app.payments.stripe import TYPES
from app.routes import application, caller, openapi
from app.routes.events import RETRY_MILLISECONDS
from app.routes.keys import KeyChange
from app.routes.payments import AutomaticShown, CheckoutShown
from app.routes.requests import RequestShown
from app.routes.transactions import TransactionShown
from app.services import Services
from app.settings import Settings, StripeSettings
from domain import account as accounts
from tests.support.docs.documents import Document, commands, spans
from tests.support.docs.reference import REFERENCE, names, rows
from tests.support.docs.source import calls, literals
from tests.support.paths import ROOT

RUNBOOK = Document("ops/runbook.md")


def test_the_kinds_of_transactions_are_those_of_the_statement() -> None:
    source = (ROOT / "projections/transactions.py").read_text(encoding="utf-8")
    made = set(re.findall(r'_moved\(fact, "(\w+)"', source)) | set(re.findall(r'recorded_at_micros, "(\w+)"', source))
    assert documented_kinds() == made | {"grant", "correction"}


def documented_kinds() -> set[str]:
    return {row[0].strip("`") for row in REFERENCE.rows("The account API", 4)}


def test_the_kinds_of_transactions_are_those_of_the_openapi_document() -> None:
    assert documented_kinds() == members(TransactionShown, "kind")


def members(shape: type, name: str) -> set[str]:
    """The values that a shape's docstring lists for a member: "`state`: open, debited or released."."""
    [listed] = re.findall(rf"`{name}`: ([^.]*)\.", " ".join((shape.__doc__ or "").split()))
    return set(re.split(r", | or ", listed))


def test_the_states_of_checkouts_and_requests_are_those_of_the_openapi_document() -> None:
    assert members(CheckoutShown, "state") <= names(REFERENCE.section("Payments"))
    assert members(RequestShown, "state") <= spans(REFERENCE.section("The account API"))


def test_the_events_and_their_members_are_those_of_the_openapi_document() -> None:
    app = application(cast(Services, SimpleNamespace(settings=Settings())))
    shapes = getattr(app.view_functions["events"], openapi._DESCRIBED).events
    documented = [(row[0].strip("`"), spans(row[1])) for row in REFERENCE.rows("The account API", 3)]
    assert [name for name, _ in documented] == list(shapes)
    for name, listed in documented:
        of_shape = {each for each in shapes[name].__struct_fields__ if not each.endswith("_nanos")}
        assert listed == (of_shape if name != "balance" else {"GET /api/balance"}), name


def test_the_figures_of_links_and_streams_are_those_in_the_code() -> None:
    text = " ".join(REFERENCE.text.split())
    assert f"older than {LINK_MINUTES} minutes" in str(InvalidLink())
    assert f"It signs in once, within {LINK_MINUTES} minutes" in text
    assert f"by more than {feed.MISSED_MAX:,} events" in text
    assert f"leaves {feed.WAITING_MAX:,} events unread" in text
    assert f"{feed.ACCOUNT_STREAMS_MAX} for an account and {feed.STREAMS_MAX} for a process" in text
    assert RETRY_MILLISECONDS == 2_000


def test_the_causes_of_a_freeze_are_documented() -> None:
    assert {accounts.OPERATOR, accounts.NEGATIVE_BALANCE} == set(rows("Payments", 3))


def test_the_cookies_are_documented() -> None:
    assert {caller.COOKIE, caller.COOKIE_ON_LOOPBACK} <= spans(REFERENCE.section("The account API"))


def test_the_retry_intervals_of_the_inbox_and_the_sweep_are_documented() -> None:
    text = " ".join(REFERENCE.section("Payments").split())
    assert f"after {inbox.RETRY_SECONDS_FIRST} seconds and then at growing intervals, up to an hour" in text
    assert (inbox.RETRY_SECONDS_MAX, sweep.SWEEP_SECONDS) == (3600, 3600)
    assert f"hourly sweep over the last {sweep.SWEEP_DAYS} days" in text
    assert f"about every {automatic.TURN_SECONDS:g} seconds" in text


def test_the_outcomes_of_payments_and_webhooks_are_documented() -> None:
    documented = {name: spans(cells[2]) for name, cells in rows("Metrics", 4).items()}
    settled = {
        word.replace(" ", "_")
        for call in calls(("_counted", "_ended"), ROOT / "app/payments")
        for value in call.args
        for word in literals(value)
    }
    assert documented["realrouter_payments_total"] == settled
    kept = {word for call in calls(("webhook",)) for value in call.args for word in literals(value)}
    assert documented["realrouter_webhooks_total"] == kept


def test_the_limits_of_a_key_are_those_that_may_be_set() -> None:
    assert set(rows("Keys and their limits", 3)) == set(KeyChange.__struct_fields__)


def test_the_webhook_types_and_the_states_of_automatic_top_ups_are_documented() -> None:
    section = REFERENCE.section("Payments")
    assert set(re.findall(r"^\| `([a-z_]+\.[a-z_.]+)` \|$", section, re.MULTILINE)) == set(TYPES)
    [states] = [field.type for field in msgspec.structs.fields(AutomaticShown) if field.name == "state"]
    assert set(states.__args__) <= names(section)


def test_the_windows_of_attempts_are_the_documented_ones() -> None:
    of_minutes = (throttle.SIGN_IN_OF_EMAIL, throttle.SIGN_IN_FROM_ADDRESS, throttle.PASSWORD_OF_ACCOUNT)
    assert {rate.seconds for rate in of_minutes} == {15 * 60}
    assert throttle.SIGN_UP_FROM_ADDRESS.seconds == 3600


def test_the_page_of_the_payment_simulator_is_documented() -> None:
    pages = served(Settings(stripe=StripeSettings(simulator=True))) - served(Settings())
    assert pages
    assert pages <= spans(REFERENCE.section("Payments"))


def served(settings: Settings) -> set[str]:
    """The addresses of an application under these settings."""
    payments = SimpleNamespace(vendor=SimulatedVendor(cast(Tables, None), ""))
    app = application(cast(Services, SimpleNamespace(settings=settings, payments=payments)))
    return {re.sub(r"<path:\w+>|<\w+>", "{id}", rule.rule) for rule in app.url_map.iter_rules()}


# The runbook


def test_the_differences_that_reconcile_finds_are_documented() -> None:
    kinds = {
        word for call in calls(("Discrepancy", "_compare"), ROOT / "app/payments") for word in literals(call.args[0])
    }
    assert kinds <= spans(RUNBOOK.section("Selling credit"))


def test_the_log_messages_that_the_runbook_quotes_exist() -> None:
    written = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "app").rglob("*.py"))
    named = {word for name, _command in commands() for word in (name, name.removeprefix("realrouter "))}
    quoted = {span for span in RUNBOOK.spans() if re.fullmatch(r"[a-z]+( [a-z]+)+", span)} - named
    assert {quote for quote in quoted if f'"{quote}"' not in written} == set()
    assert "payment refused" in quoted
