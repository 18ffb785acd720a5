"""Opens a process's payments from the settings.

Rule 1: a gateway that takes money does not start with an empty or placeholder secret, because anyone could then forge a webhook.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from app.faults import StripeNotConfigured
from app.ledger.codec import Codec
from app.ledger.store import Ledger
from app.payments.crediting import Crediting
from app.payments.service import Payments
from app.payments.simulator import SimulatedVendor
from app.payments.vendor import Vendor
from app.settings import Settings, StripeSettings

RETURN_PATH = "/dashboard/billing"
_SECRET = {
    "secret_key": re.compile(r"(sk|rk)_[A-Za-z0-9_]{16,}", re.ASCII),
    "webhook_secret": re.compile(r"whsec_[A-Za-z0-9+/=_-]{16,}", re.ASCII),
}
_PLACEHOLDER = re.compile(r"(?i)x{4,}|\.{3}|your|change|placeholder|example|replace|todo|dummy|fill")
_LETTERS_MIN = 8
"""The number of different characters that any random secret of that length has."""


def open_payments(
    settings: Settings,
    ledger: Ledger,
    codec: Codec,
    *,
    poke: Callable[[], None] = lambda: None,
    on_outcome: Callable[[str], None] = lambda _outcome: None,
    vendor: Vendor | None = None,
) -> Payments | None:
    """Returns None if nothing is for sale. Raises StripeNotConfigured."""
    if settings.stripe is None:
        return None
    crediting = Crediting(ledger, codec)
    public = settings.server.public_url.rstrip("/")
    return Payments(
        vendor or _vendor(settings.stripe, ledger, public),
        ledger,
        crediting,
        packs={pack.id: pack.pack() for pack in settings.packs},
        return_url=f"{public}{RETURN_PATH}",
        poke=poke,
        on_outcome=on_outcome,
    )


def _vendor(stripe: StripeSettings, ledger: Ledger, public_url: str) -> Vendor:
    if stripe.simulator:
        return SimulatedVendor(ledger, public_url)
    check_secret("secret_key", stripe.secret_key.reveal())
    check_secret("webhook_secret", stripe.webhook_secret.reveal())
    from app.payments.stripe import StripeVendor  # noqa: PLC0415 - its import takes a quarter of a second

    return StripeVendor(stripe.secret_key.reveal(), stripe.webhook_secret.reveal(), api_base=stripe.api_base)


def check_secret(name: str, value: str) -> None:
    """Raises StripeNotConfigured. The message never contains the value."""
    body = value.partition("_")[2]
    if not value:
        problem = "is empty (its environment variable may not be set)"
    elif not _SECRET[name].fullmatch(value):
        problem = "does not look like a Stripe secret"
    elif _PLACEHOLDER.search(value) or len(set(body)) < _LETTERS_MIN:
        problem = "is a placeholder"
    else:
        return
    raise StripeNotConfigured(
        f"[stripe] {name} {problem}. Set it, remove the [stripe] table, or set simulator = true for local use."
    )
