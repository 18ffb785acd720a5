"""The payment simulator's page: pay, decline or leave. It exists only with the simulator, and only on loopback.

Rule 1: the page runs no script and loads nothing; whatever it shows is escaped.
Rule 2: callers from other machines get a 404.
"""

from __future__ import annotations

import ipaddress

from markupsafe import Markup
from quart import Request, Response

from app.faults import NotFound
from app.payments.simulator import Simulated, SimulatedVendor
from app.routes.caller import check_origin
from app.routes.openapi import Operation
from app.routes.route import Route
from app.services import Services
from domain.currency import format_minor

HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_PAGE = Markup(
    """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Simulated payment</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:10vh auto;padding:0 1rem;color-scheme:light dark}}
button,a.leave{{display:block;width:100%;box-sizing:border-box;text-align:center;font:inherit;padding:.7rem;margin:.6rem 0;
border:1px solid;border-radius:.5rem;background:none;color:inherit;text-decoration:none;cursor:pointer}}
button.pay{{font-weight:600}}small{{opacity:.75}}</style></head>
<body><main><h1>{product}</h1><p>{price} {currency}</p>{body}
<p><small>This is Realrouter's payment simulator. No card is needed and no money moves.</small></p></main></body></html>"""
)
_OPEN = Markup(
    """{note}<form method="post"><button class="pay" name="act" value="pay">Pay</button>
<button name="act" value="decline">Decline the card</button></form><a class="leave" href="{leave}">Leave without paying</a>"""
)


async def payment_page(services: Services, request: Request, session_id: str) -> Response:
    return _html(await _find(_vendor(services), request, session_id))


async def act_on_payment(services: Services, request: Request, session_id: str) -> Response:
    vendor = _vendor(services)
    await _find(vendor, request, session_id)
    check_origin(services, request)
    form = await request.form
    if form.get("act") == "pay":
        await _pay(services, vendor, session_id)
    elif form.get("act") == "decline":
        await vendor.decline(session_id)
    return _html(await _find(vendor, request, session_id))


ROUTES = (
    Route(
        "GET",
        "/simulator/pay/<session_id>",
        payment_page,
        Operation("The simulator's page", tag="payments", answers={200: str}, errors=(404,), media_type="text/html"),
    ),
    Route(
        "POST",
        "/simulator/pay/<session_id>",
        act_on_payment,
        Operation("Pay or decline", tag="payments", answers={200: str}, errors=(403, 404), media_type="text/html"),
    ),
)


def _vendor(services: Services) -> SimulatedVendor:
    assert services.payments is not None, "these routes exist only with the simulator"
    assert isinstance(services.payments.vendor, SimulatedVendor), "these routes exist only with the simulator"
    return services.payments.vendor


async def _pay(services: Services, vendor: SimulatedVendor, session_id: str) -> None:
    paid = await vendor.pay(session_id)
    payments = services.payments
    if paid is not None and payments is not None:
        await payments.in_thread(payments.inbox.put, *paid)
        payments.arrived.set()


async def _find(vendor: SimulatedVendor, request: Request, session_id: str) -> Simulated:
    if not _is_here(request.remote_addr or ""):
        raise NotFound
    found = await vendor.find(session_id)
    if found is None:
        raise NotFound("There is no such payment. Start a new checkout.")
    return found


def _is_here(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _html(found: Simulated) -> Response:
    if found.status == "open":
        note = Markup("<p role=alert>The card was declined. Try another one.</p>") if found.declined else Markup("")
        body = _OPEN.format(note=note, leave=f"{found.return_url}&left=1")
    else:
        body = Markup('<p role=status>Paid.</p><a class="leave" href="{back}">Continue</a>').format(
            back=found.return_url
        )
    price = format_minor(found.amount_minor, found.currency)
    page = _PAGE.format(product=found.product or "Top-up", price=price, currency=found.currency.upper(), body=body)
    return Response(page, content_type="text/html; charset=utf-8", headers=HEADERS)
