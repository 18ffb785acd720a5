"""/api/packs, /api/checkout, /api/automatic-top-up and the processor's webhook.

Rule 1: a webhook is acknowledged once it is kept, and worked on after; what cannot be kept is not acknowledged, and comes again.
Rule 2: amounts come from the configuration alone: a checkout names a pack.
"""

from __future__ import annotations

from typing import Literal

import msgspec
import structlog
from quart import Request, Response, request

from app.accounts.commands import new_id
from app.edge.application import EdgeApplication
from app.edge.body import read_body, reserve_for
from app.faults import BadSignature, CheckoutDisabled, PaymentMethodRequired
from app.payments.automatic import AutomaticTopUps, TopUp
from app.payments.service import Payments, named_checkout
from app.payments.vendor import Session
from app.routes.bodies import answer, read_struct, usd
from app.routes.caller import reader, signed_in
from app.routes.completions import idempotency_key
from app.routes.openapi import describe
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
    """What can be bought; empty where nothing is sold."""

    data: list[PackShown]


class CheckoutWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`save_payment_method`: keep it, so that automatic top-ups can be switched on."""

    pack: str
    save_payment_method: bool = False


class CheckoutOpened(msgspec.Struct, frozen=True):
    """Where it is paid."""

    checkout_id: str
    url: str


class CheckoutShown(msgspec.Struct, frozen=True):
    """`state`: open, processing, paid, expired or failed. `url` while it is open."""

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
    """Amounts in USD. `monthly_ceiling` bounds the credit that is bought automatically in a UTC month."""

    enabled: bool
    pack: str
    threshold: str
    monthly_ceiling: str


class AutomaticShown(msgspec.Struct, frozen=True):
    """`payment_method_saved` must be true before it can be switched on; `problem` says why it was switched off or waits."""

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


def register(app: EdgeApplication, services: Services) -> None:
    @app.get("/api/packs")
    @describe("What can be bought", tag="payments", answers={200: Packs}, errors=(401, 403), caller="reader")
    async def packs() -> Response:
        await reader(services, request)
        sold = () if services.payments is None else services.payments.packs.values()
        return answer(Packs([_pack(pack) for pack in sold]))

    @app.post("/api/checkout")
    @describe(
        "Begin to buy a pack",
        tag="payments",
        body=CheckoutWanted,
        answers={201: CheckoutOpened},
        errors=(401, 403, 404, 409, 429, 502),
        caller="reader",
    )
    async def checkout() -> Response:
        return await _begin(services, request)

    @app.get("/api/checkout/<checkout_id>")
    @describe(
        "How a checkout stands",
        tag="payments",
        answers={200: CheckoutShown},
        errors=(401, 403, 404),
        caller="reader",
    )
    async def show_checkout(checkout_id: str) -> Response:
        return await _show(services, request, checkout_id)

    @app.get("/api/automatic-top-up")
    @describe("Automatic top-up", tag="payments", answers={200: AutomaticShown}, errors=(401, 403), caller="session")
    async def automatic() -> Response:
        caller, payments = await signed_in(services, request), _payments(services)
        found = await payments.in_thread(AutomaticTopUps(payments).of_account, caller.account_id)
        return answer(_automatic(found))

    @app.put("/api/automatic-top-up")
    @describe(
        "Switch automatic top-up",
        tag="payments",
        body=AutomaticWanted,
        answers={200: AutomaticShown},
        errors=(401, 403, 409),
        caller="session",
    )
    async def switch_automatic() -> Response:
        return await _switch(services, request)

    @app.post("/api/stripe/webhook")
    @describe("What Stripe announces", tag="payments", answers={200: Received}, errors=(403,))
    async def webhook() -> Response:
        return await _webhook(services, request)


async def _begin(services: Services, request: Request) -> Response:
    caller = await reader(services, request)
    payments = _payments(services)
    wanted = await read_struct(services, request, CheckoutWanted)
    key = idempotency_key(request)
    checkout_id = new_id("co") if key is None else named_checkout(caller.account_id, key)
    opened = await payments.begin(checkout_id, caller.account_id, wanted.pack, save=wanted.save_payment_method)
    services.runner.poke()
    return answer(CheckoutOpened(opened.checkout_id, opened.url), 201)


async def _show(services: Services, request: Request, checkout_id: str) -> Response:
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


async def _switch(services: Services, request: Request) -> Response:
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


async def _webhook(services: Services, request: Request) -> Response:
    payments = _payments(services)
    payload = await read_body(request, WEBHOOK_BYTES_MAX, reserve_for(request, services.body_budget))
    try:
        new = await payments.take_in(payload, request.headers.get("stripe-signature"))
    except BadSignature as error:
        services.metrics.webhook("bad_signature")
        _log.warning("a webhook is refused", bytes=len(payload), reason=str(error))
        raise
    services.metrics.webhook("kept" if new else "repeated")
    return answer(Received(True))


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
    assert order is not None, "it was started"
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
        state,  # type: ignore[arg-type]  # it is one of these in the table
        found.problem,
    )
