"""/api/packs, /api/checkout, /api/automatic-top-up and the payment processor's webhook.

Rule 1: a webhook is stored, then acknowledged, then processed. One that cannot be stored is not acknowledged, so Stripe resends it.
Rule 2: amounts come only from the configuration: a checkout names a pack.
"""

from __future__ import annotations

from typing import Literal

import msgspec
import structlog
from quart import Request, Response

from app.accounts.commands import new_id
from app.edge.body import read_body, reserve_for
from app.faults import BadSignature, CheckoutDisabled, PaymentMethodRequired
from app.payments.automatic import AutomaticTopUps, TopUp
from app.payments.service import Payments, named_checkout
from app.payments.vendor import Session
from app.routes.bodies import answer, read_struct, usd
from app.routes.caller import reader, signed_in
from app.routes.completions import idempotency_key
from app.routes.openapi import Operation
from app.routes.route import Route
from app.services import Services
from domain.checkout import Checkout, Pack
from domain.currency import format_minor
from domain.errors import InvalidValue, NotFound
from domain.money import parse_usd

WEBHOOK_BYTES_MAX = 1024 * 1024
_log = structlog.get_logger("payments.webhook")


class PackShown(msgspec.Struct, frozen=True):
    """`price` in its currency; `credit` in USD of balance."""

    id: str
    name: str
    price: str
    currency: str
    credit: str
    credit_nanos: str


class Packs(msgspec.Struct, frozen=True):
    """The packs for sale. The list is empty if nothing is for sale."""

    data: list[PackShown]


class CheckoutWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`save_payment_method`: save it, so that automatic top-up can be enabled."""

    pack: str
    save_payment_method: bool = False


class CheckoutOpened(msgspec.Struct, frozen=True):
    """`url` is the page to pay on."""

    checkout_id: str
    url: str


class CheckoutShown(msgspec.Struct, frozen=True):
    """`state`: open, processing, paid, expired or failed. `url` is set while it is open."""

    checkout_id: str
    state: str
    pack: str
    price: str
    currency: str
    credit: str
    credit_nanos: str
    automatic: bool
    payment_id: str | None
    reason: str | None
    url: str | None


class AutomaticWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Amounts in USD. `monthly_ceiling` limits the credit bought automatically in a UTC month."""

    enabled: bool
    pack: str
    threshold: str
    monthly_ceiling: str


class AutomaticShown(msgspec.Struct, frozen=True):
    """Enabling it requires `payment_method_saved`. `problem` says why it was disabled or is waiting."""

    enabled: bool
    payment_method_saved: bool
    pack: str | None
    threshold: str
    threshold_nanos: str
    monthly_ceiling: str
    monthly_ceiling_nanos: str
    state: Literal["off", "armed", "charging", "charged", "ceiling"]
    problem: str | None


class Received(msgspec.Struct, frozen=True):
    received: bool


async def packs(services: Services, request: Request) -> Response:
    await reader(services, request)
    sold = () if services.payments is None else services.payments.packs.values()
    return answer(Packs([_pack(pack) for pack in sold]))


async def checkout(services: Services, request: Request) -> Response:
    caller = await reader(services, request)
    payments = _payments(services)
    wanted = await read_struct(services, request, CheckoutWanted)
    key = idempotency_key(request)
    checkout_id = new_id("co") if key is None else named_checkout(caller.account_id, key)
    opened = await payments.begin(checkout_id, caller.account_id, wanted.pack, save=wanted.save_payment_method)
    services.runner.poke()
    return answer(CheckoutOpened(opened.checkout_id, opened.url), 201)


async def show_checkout(services: Services, request: Request, checkout_id: str) -> Response:
    caller, payments = await reader(services, request), _payments(services)
    checkout = await payments.in_thread(payments.crediting.checkout, checkout_id)
    session: Session | None = None
    if checkout.started is not None and checkout.started.account_id == caller.account_id:
        if checkout.state != "completed":
            session = await payments.look(checkout)
        checkout = await payments.in_thread(payments.crediting.checkout, checkout_id)
    if checkout.started is None or checkout.started.account_id != caller.account_id:
        raise NotFound(f"There is no checkout {checkout_id[:100]} in this account.")
    paid = False
    if checkout.payment_id is not None:
        paid = await payments.in_thread(payments.crediting.settled, checkout.payment_id) is not None
    return answer(_checkout(checkout, session, paid=paid))


async def automatic(services: Services, request: Request) -> Response:
    caller, payments = await signed_in(services, request), _payments(services)
    found = await payments.in_thread(AutomaticTopUps(payments).of_account, caller.account_id)
    return answer(_automatic(found))


async def switch_automatic(services: Services, request: Request) -> Response:
    caller, payments = await signed_in(services, request), _payments(services)
    wanted = await read_struct(services, request, AutomaticWanted)
    if wanted.pack not in payments.packs:
        raise InvalidValue("pack", f"There is no pack {wanted.pack[:100]!r}. GET /api/packs lists them.")
    threshold = parse_usd(wanted.threshold, field="threshold")
    ceiling = parse_usd(wanted.monthly_ceiling, field="monthly_ceiling")
    if threshold < 0 or ceiling < 0:
        raise InvalidValue("threshold" if threshold < 0 else "monthly_ceiling", "The amount must not be negative.")
    automatic = AutomaticTopUps(payments)

    def switch() -> TopUp | None:
        done = automatic.switch(
            caller.account_id,
            enabled=wanted.enabled,
            pack_id=wanted.pack,
            threshold_nanos=threshold,
            ceiling_nanos=ceiling,
        )
        return automatic.of_account(caller.account_id) if done else None

    switched = await payments.in_thread(switch)
    if switched is None:
        raise PaymentMethodRequired
    return answer(_automatic(switched))


async def webhook(services: Services, request: Request) -> Response:
    payments = _payments(services)
    payload = await read_body(request, WEBHOOK_BYTES_MAX, reserve_for(request, services.instance.body_budget))
    try:
        new = await payments.take_in(payload, request.headers.get("stripe-signature"))
    except BadSignature as error:
        services.metrics.webhook("bad_signature")
        _log.warning("webhook rejected: bad signature", bytes=len(payload), reason=str(error))
        raise
    services.metrics.webhook("kept" if new else "repeated")
    return answer(Received(True))


ROUTES = (
    Route(
        "GET",
        "/api/packs",
        packs,
        Operation("What can be bought", tag="payments", answers={200: Packs}, errors=(401, 403), caller="reader"),
    ),
    Route(
        "POST",
        "/api/checkout",
        checkout,
        Operation(
            "Start a checkout",
            tag="payments",
            body=CheckoutWanted,
            answers={201: CheckoutOpened},
            errors=(401, 403, 404, 409, 429, 502),
            caller="reader",
        ),
    ),
    Route(
        "GET",
        "/api/checkout/<checkout_id>",
        show_checkout,
        Operation(
            "The state of a checkout",
            tag="payments",
            answers={200: CheckoutShown},
            errors=(401, 403, 404),
            caller="reader",
        ),
    ),
    Route(
        "GET",
        "/api/automatic-top-up",
        automatic,
        Operation(
            "Automatic top-up", tag="payments", answers={200: AutomaticShown}, errors=(401, 403), caller="session"
        ),
    ),
    Route(
        "PUT",
        "/api/automatic-top-up",
        switch_automatic,
        Operation(
            "Change automatic top-up",
            tag="payments",
            body=AutomaticWanted,
            answers={200: AutomaticShown},
            errors=(401, 403, 409),
            caller="session",
        ),
    ),
    Route(
        "POST",
        "/api/stripe/webhook",
        webhook,
        Operation("Stripe's webhook", tag="payments", answers={200: Received}, errors=(403,)),
    ),
)


def _payments(services: Services) -> Payments:
    if services.payments is None:
        raise CheckoutDisabled
    return services.payments


def _pack(pack: Pack) -> PackShown:
    return PackShown(
        pack.id, pack.name, format_minor(pack.amount_minor, pack.currency), pack.currency, *usd(pack.credit_nanos)
    )


def _checkout(checkout: Checkout, session: Session | None, *, paid: bool) -> CheckoutShown:
    order = checkout.started
    assert order is not None, "only a started checkout is shown"
    processing = checkout.state == "completed" or (session is not None and session.status == "complete")
    ended = checkout.state if checkout.state in ("expired", "failed") else "processing" if processing else "open"
    return CheckoutShown(
        checkout.checkout_id,
        "paid" if paid else ended,
        order.pack_id,
        format_minor(order.amount_minor, order.currency),
        order.currency,
        *usd(order.credit_nanos),
        order.automatic,
        checkout.payment_id,
        checkout.reason if ended == "failed" and not paid else None,
        session.url if session is not None and not paid and session.status == "open" else None,
    )


def _automatic(found: TopUp | None) -> AutomaticShown:
    if found is None:
        return AutomaticShown(False, False, None, *usd(0), *usd(0), "off", None)
    state = found.state if found.enabled or found.state == "charging" else "off"
    return AutomaticShown(
        found.enabled,
        found.saved is not None,
        found.pack_id or None,
        *usd(found.threshold_nanos),
        *usd(found.ceiling_nanos_per_month),
        state,  # type: ignore[arg-type]  # the table holds only these
        found.problem,
    )
