"""A process's payments: starts, inspects and settles checkouts, whichever source reports them first.

Rule 1: the checkout is in the ledger before a session is requested from the processor. The checkout's id makes that call safe to
repeat.
Rule 2: settling a payment means querying its current state at the processor and crediting it through `Crediting`. Webhooks, the
page that a customer returns to, the sweep and a restarted process all end up here.
Rule 3: a payment that does not match our checkout is refused and logged by id, and nothing is credited.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar, TypeVarTuple

import structlog
import trio

from app.faults import BadSignature, VendorRefused, VendorUnavailable
from app.ledger.store import Ledger
from app.payments.crediting import Crediting, ReportedPayment
from app.payments.inbox import Inbox
from app.payments.vendor import Payment, Session, Vendor
from domain.buckets import MICROS_PER_SECOND
from domain.checkout import Checkout, Pack
from domain.errors import AlreadyExists, InvalidValue, NotFound, PaymentMismatch
from domain.events import CheckoutStarted

THREADS = 4
LOOK_SECONDS = 1.0
"""The minimum interval between look-ups of a checkout's session, for the page that waits for it."""
LOOKS_KEPT = 1_000
REPEATABLE_SECONDS = 23 * 3_600
"""How long a repeated call with the same idempotency key counts as the same call; the processor guarantees a day."""
_log = structlog.get_logger("payments")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


@dataclass(frozen=True, slots=True)
class OpenedCheckout:
    """A checkout that waits for its payment, and the URL of its payment page."""

    checkout_id: str
    url: str


class Payments:
    def __init__(
        self,
        vendor: Vendor,
        ledger: Ledger,
        crediting: Crediting,
        *,
        packs: Mapping[str, Pack],
        return_url: str,
        poke: Callable[[], None],
        on_outcome: Callable[[str], None],
    ) -> None:
        self.vendor = vendor
        self.tables = self.ledger = ledger
        self.crediting = crediting
        self.inbox = Inbox(ledger)
        self.packs = packs
        self.arrived = trio.Event()
        """Set when a webhook is put into the inbox. The waiting task replaces it with a new event."""
        self._return_url = return_url
        self._poke = poke
        self._on_outcome = on_outcome
        self._threads = trio.CapacityLimiter(THREADS)
        self._looked: dict[str, float] = {}

    async def in_thread(self, work: Callable[[*Ts], T], *args: *Ts) -> T:
        """Run a blocking call in a worker thread."""
        return await trio.to_thread.run_sync(work, *args, limiter=self._threads)

    # -- Webhooks -----------------------------------------------------------------------------------------------------

    async def take_in(self, payload: bytes, signature: str | None) -> bool:
        """Store a webhook after verifying that the processor signed it. Returns whether it is new.

        Raises BadSignature, StoreUnavailable: then it must not be acknowledged."""
        notice = self.vendor.verify(payload, signature)
        if notice.livemode != self.vendor.livemode:
            raise BadSignature("wrong mode: live and test webhooks do not mix")
        new = await self.in_thread(self.inbox.put, notice, payload)
        self.arrived.set()
        return new

    # -- Checkouts ----------------------------------------------------------------------------------------------------

    async def begin(self, checkout_id: str, account_id: str, pack_id: str, *, save: bool) -> OpenedCheckout:
        """Start a checkout and open its session. A repeated call with the same id returns the same checkout.

        Raises InvalidValue (no such pack), NotFound, AlreadyExists, TooManyCheckouts, VendorUnavailable, VendorRefused,
        StoreUnavailable."""
        pack = self.packs.get(pack_id)
        if pack is None:
            raise InvalidValue("pack", f"There is no pack {pack_id[:100]!r}. GET /api/packs lists them.")
        checkout = await self.in_thread(self.crediting.start, checkout_id, account_id, pack)
        session = await self._opened_before(checkout)
        if session is None:
            order = _order(checkout)
            session = await self.vendor.open_session(order, product=pack.name, return_url=self._return_url, save=save)
            await self.in_thread(self._remember, checkout_id, session.session_id)
        if session.url is None or session.status != "open":
            raise AlreadyExists(f"Checkout {checkout_id} has ended. Start a new one.")
        return OpenedCheckout(checkout_id, session.url)

    async def _opened_before(self, checkout: Checkout) -> Session | None:
        """The checkout's existing session, if any. The processor remembers idempotency keys for a day; opening a session after that
        would create a second payable one. Raises AlreadyExists if the checkout has ended or is that old."""
        session_id = await self.in_thread(self._session_id, checkout.checkout_id)
        if session_id is not None:
            return await self.vendor.session(session_id)
        age_micros = await self.in_thread(self.tables.now_micros) - checkout.started_at_micros
        if checkout.state != "started" or age_micros > REPEATABLE_SECONDS * MICROS_PER_SECOND:
            raise AlreadyExists(f"Checkout {checkout.checkout_id} has ended. Start a new one.")
        return None

    async def look(self, checkout: Checkout) -> Session | None:
        """Look up an unpaid checkout at the processor, and settle it. Returns None if it was looked up less than LOOK_SECONDS ago,
        or if the processor cannot be reached. Raises StoreUnavailable."""
        session_id = await self.in_thread(self._session_id, checkout.checkout_id)
        now = trio.current_time()
        if session_id is None or now - self._looked.get(checkout.checkout_id, float("-inf")) < LOOK_SECONDS:
            return None
        self._looked.pop(checkout.checkout_id, None)
        self._looked[checkout.checkout_id] = now
        if len(self._looked) > LOOKS_KEPT:
            del self._looked[next(iter(self._looked))]
        try:
            session = await self.vendor.session(session_id)
        except (VendorUnavailable, VendorRefused) as error:
            _log.warning("checkout could not be inspected", checkout_id=checkout.checkout_id, error=str(error))
            return None
        if session is not None:
            await self.settle_session(session)
        return session

    # -- Settling ----------------------------------------------------------------------------------------------------

    async def settle_session(self, session: Session) -> str:
        """Credit a session's payment, or record that the session ended. Returns the outcome. Raises StoreUnavailable."""
        if session.checkout_id is None:
            return "not ours"
        if session.paid and session.payment_id is not None:
            reported = (session.account_id, session.amount_minor, session.currency)
            outcome = await self.credit(
                ReportedPayment(session.payment_id, session.checkout_id, *reported, session.tax)
            )
            if session.saved is not None and outcome in ("credited", "credited before"):
                await self.in_thread(self._keep_method, session)
            return outcome
        if session.status == "expired":
            return await self._ended(session.checkout_id, "expired", self.crediting.expire)
        if session.failure is not None:
            reason = session.failure
            return await self._ended(session.checkout_id, "failed", lambda each: self.crediting.fail(each, reason))
        return "not paid yet"

    async def settle_payment(self, payment: Payment) -> str:
        """Like `settle_session`, for a payment without a session. Raises StoreUnavailable."""
        if payment.checkout_id is None:
            return "not ours"
        if payment.status == "succeeded":
            reported = (payment.account_id, payment.amount_minor, payment.currency)
            return await self.credit(ReportedPayment(payment.payment_id, payment.checkout_id, *reported))
        checkout = await self.in_thread(self.crediting.checkout, payment.checkout_id)
        if payment.failure is not None and checkout.started is not None and checkout.started.automatic:
            reason = payment.failure
            return await self._ended(payment.checkout_id, "failed", lambda each: self.crediting.fail(each, reason))
        return "not paid yet"

    async def credit(self, paid: ReportedPayment) -> str:
        """Raises StoreUnavailable."""
        try:
            new = await self.in_thread(self.crediting.credit, paid)
        except NotFound:
            return self._counted("not ours")
        except PaymentMismatch as mismatch:
            return self.refuse(paid.payment_id, mismatch)
        self._poke()
        return self._counted("credited" if new else "credited before")

    async def settle_returns(self, payment_id: str) -> str:
        """Post a payment's refunds and disputes, after crediting it if that was not done. Raises VendorUnavailable, ..."""
        settled = await self.in_thread(self.crediting.settled, payment_id)
        if settled is None:
            session = await self.vendor.session_of(payment_id)
            payment = None if session is not None else await self.vendor.payment(payment_id)
            if session is not None:
                await self.settle_session(session)
            elif payment is not None:
                await self.settle_payment(payment)
            settled = await self.in_thread(self.crediting.settled, payment_id)
        if settled is None:
            return self._counted("not ours")
        new = False
        try:
            for refund in [each async for each in self.vendor.refunds_of(payment_id)]:
                new |= await self.in_thread(self.crediting.refund, settled, refund)
            for dispute in [each async for each in self.vendor.disputes_of(payment_id)]:
                new |= await self.in_thread(self.crediting.dispute, settled, dispute)
        except (PaymentMismatch, InvalidValue) as mismatch:
            return self.refuse(payment_id, mismatch)
        self._poke()
        return self._counted("returned" if new else "nothing new")

    def refuse(self, subject: str, reason: Exception) -> str:
        """Log a payment that does not match our checkout. Nothing is credited."""
        _log.error("payment refused", subject=subject, reason=str(reason))
        self._counted("refused")
        return f"refused: {reason}"

    async def _ended(self, checkout_id: str, outcome: str, end: Callable[[str], bool]) -> str:
        try:
            new = await self.in_thread(end, checkout_id)
        except NotFound:
            return self._counted("not ours")
        self._poke()
        return self._counted(outcome if new else "ended before")

    def _counted(self, outcome: str) -> str:
        self._on_outcome(outcome.replace(" ", "_"))
        return outcome

    # -- Ordinary tables ---------------------------------------------------------------------------------------------

    def _remember(self, checkout_id: str, session_id: str) -> None:
        """Store a checkout's session id. If it is lost, the sweep finds the session at the processor."""
        sql = (
            "INSERT INTO checkout_sessions (checkout_id, session_id, created_at_micros) VALUES (?, ?, ?) "
            "ON CONFLICT (checkout_id) DO UPDATE SET session_id = excluded.session_id"
        )
        self.tables.change((sql, (checkout_id, session_id, self.tables.now_micros())))

    def _session_id(self, checkout_id: str) -> str | None:
        rows = self.tables.select("SELECT session_id FROM checkout_sessions WHERE checkout_id = ?", (checkout_id,))
        return str(rows[0][0]) if rows else None

    def _keep_method(self, session: Session) -> None:
        """Save the newest payment method that its owner let us keep. It is used only if automatic top-ups are enabled."""
        assert session.saved is not None
        sql = (
            "INSERT INTO automatic_top_ups (account_id, enabled, pack_id, threshold_nanos, ceiling_nanos_per_month, "
            "customer_id, payment_method_id) VALUES (?, 0, '', 0, 0, ?, ?) ON CONFLICT (account_id) DO UPDATE SET "
            "customer_id = excluded.customer_id, payment_method_id = excluded.payment_method_id"
        )
        saved = session.saved
        self.tables.change((sql, (session.account_id, saved.customer_id, saved.payment_method_id)))


def named_checkout(account_id: str, idempotency_key: str) -> str:
    """The id of the checkout that belongs to an account's Idempotency-Key."""
    digest = hashlib.sha256(b"%b\0%b" % (account_id.encode(), idempotency_key.encode())).hexdigest()
    return f"co_{digest[:32]}"


def _order(checkout: Checkout) -> CheckoutStarted:
    assert checkout.started is not None, "it was started"
    return checkout.started
