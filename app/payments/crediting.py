"""The one way in which a payment moves the books: pure decisions, appended where they stand.

Rule 1: whoever tells of a payment (webhook, success page, sweeper), this credits it, after checking it against our own order.
Rule 2: each step is one append, decided on the stream as it stands; any of them may run again, and does nothing then. A process
that dies between two leaves what the next telling completes.
Rule 3: the checkout is claimed for its payment before the payment is credited: two payments never credit one checkout.
Rule 4: after money moved, the account's standing follows its balance: frozen while a return took more than was left.
These functions block.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.accounts.commands import ATTEMPTS_MAX, known, load_account
from app.faults import TooManyConflicts
from app.ledger.codec import Codec
from app.ledger.store import Append, CommandFailed, Committed, Failed, GuardRefused, Ledger
from app.payments.vendor import Dispute, Refund
from domain import account as accounts
from domain import buckets
from domain import checkout as checkouts
from domain import payment as payments
from domain.account import NEGATIVE_BALANCE
from domain.buckets import Guard
from domain.checkout import Checkout, Pack
from domain.errors import PaymentMismatch
from domain.events import (
    Event,
    Tax,
    TopUpSettled,
    account_stream,
    checkout_stream,
    dispute_stream,
    payment_stream,
    refund_stream,
)
from domain.payment import Return, Returned

POSTED = frozenset({"succeeded", "pending"})
"""States of a refund in which the money has left."""
UNDONE = frozenset({"failed", "canceled"})
Decision = tuple[int, Sequence[Event], tuple[Guard, ...]]
"""(version of the stream that was decided on, events to append, guards)"""


@dataclass(frozen=True, slots=True)
class Paid:
    """What the processor says was paid. None where it does not say."""

    payment_id: str
    checkout_id: str
    account_id: str | None
    amount_minor: int | None
    currency: str | None
    tax: Tax | None = None


class Crediting:
    """Over the ledger itself: what is written is what was read there."""

    def __init__(self, ledger: Ledger, codec: Codec) -> None:
        self._ledger = ledger
        self._codec = codec

    # -- What stands -------------------------------------------------------------------------------------------------

    def checkout(self, checkout_id: str) -> Checkout:
        """Raises StoreUnavailable."""
        stored = self._ledger.stream(checkout_stream(checkout_id))
        instants = [one.recorded_at_micros for one in stored]
        return checkouts.fold(checkout_id, zip(known(self._codec, stored), instants, strict=True))

    def settled(self, payment_id: str) -> TopUpSettled | None:
        """The credit of a payment, where it has one."""
        events = known(self._codec, self._ledger.stream(payment_stream(payment_id)))
        return next((event for event in events if isinstance(event, TopUpSettled)), None)

    def returned(self, payment_id: str) -> Returned:
        """What refunds and disputes have taken back of it."""
        names = (buckets.returned(payment_id), buckets.returned_credit(payment_id))
        values = self._ledger.bucket_values(names)
        return Returned(values[names[0]], values[names[1]])

    # -- Checkouts ---------------------------------------------------------------------------------------------------

    def start(
        self,
        checkout_id: str,
        account_id: str,
        pack: Pack,
        *,
        automatic: bool = False,
        ceiling_nanos: int | None = None,
    ) -> Checkout:
        """Raises NotFound, AlreadyExists, TooManyCheckouts, AutomaticCeilingReached, StoreUnavailable."""

        def decide() -> Decision:
            checkout = self.checkout(checkout_id)
            account = load_account(self._ledger, self._codec, account_id)
            events = checkouts.start(checkout, account, pack, automatic=automatic)
            return checkout.version, events, checkouts.start_guards(account_id, ceiling_nanos=ceiling_nanos)

        self._append(checkout_stream(checkout_id), decide, refused=checkouts.start_refusal)
        return self.checkout(checkout_id)

    def expire(self, checkout_id: str) -> bool:
        """Nobody paid in time. Returns whether that is new. Raises NotFound."""
        return self._end(checkout_id, checkouts.expire)

    def fail(self, checkout_id: str, reason: str) -> bool:
        """The payment was refused. Returns whether that is new. Raises NotFound."""
        return self._end(checkout_id, lambda checkout: checkouts.fail(checkout, reason))

    def _end(self, checkout_id: str, end: Callable[[Checkout], list[Event]]) -> bool:
        def decide() -> Decision:
            checkout = self.checkout(checkout_id)
            return checkout.version, end(checkout), ()

        return bool(self._append(checkout_stream(checkout_id), decide))

    # -- Money in ----------------------------------------------------------------------------------------------------

    def credit(self, paid: Paid) -> bool:
        """Credit a payment. Returns whether that is new. Raises NotFound (no such checkout), PaymentMismatch, StoreUnavailable."""
        checkout = self.checkout(paid.checkout_id)
        checkouts.check_paid(
            checkout, account_id=paid.account_id, amount_minor=paid.amount_minor, currency=paid.currency
        )
        self._end(paid.checkout_id, lambda there: checkouts.complete(there, paid.payment_id))

        def decide() -> Decision:
            there = self.settled(paid.payment_id)
            events = payments.settle(there, self.checkout(paid.checkout_id), paid.payment_id, paid.tax)
            return int(there is not None), events, ()

        new = bool(self._append(payment_stream(paid.payment_id), decide))
        self.follow_balance(checkouts.require_started(checkout).account_id, f"top-up {paid.payment_id}", freezes=False)
        return new

    # -- Money back --------------------------------------------------------------------------------------------------

    def refund(self, settled: TopUpSettled, refund: Refund) -> bool:
        """Post a refund, or its failure. Returns whether anything is new. Raises PaymentMismatch, InvalidValue."""
        _same_currency(settled, refund.currency)
        if refund.status in POSTED:
            return self._return(
                settled,
                refund_stream(refund.refund_id),
                refund.refund_id,
                lambda there, returned: payments.post_refund(there, settled, refund.amount_minor, returned),
            )
        if refund.status in UNDONE:
            return self._return(
                settled,
                refund_stream(refund.refund_id),
                refund.refund_id,
                lambda there, returned: payments.fail_refund(there, settled, returned),
            )
        return False

    def dispute(self, settled: TopUpSettled, dispute: Dispute) -> bool:
        """Post what a dispute took, and what came back. Returns whether anything is new. Raises PaymentMismatch, InvalidValue."""
        _same_currency(settled, dispute.currency)
        stream, new = dispute_stream(dispute.dispute_id), False
        if dispute.withdrawn:
            new = self._return(
                settled,
                stream,
                dispute.dispute_id,
                lambda there, returned: payments.withdraw(there, settled, dispute.amount_minor, returned),
            )
        if dispute.reinstated:
            new |= self._return(
                settled,
                stream,
                dispute.dispute_id,
                lambda there, returned: payments.reinstate(there, settled, returned),
            )
        return new

    def _return(
        self, settled: TopUpSettled, stream: str, return_id: str, decide_on: Callable[[Return, Returned], list[Event]]
    ) -> bool:
        def decide() -> Decision:
            there = payments.fold_return(return_id, known(self._codec, self._ledger.stream(stream)))
            returned = self.returned(settled.payment_id)
            events = decide_on(there, returned)
            return there.version, events, payments.return_guards(events[0], returned) if events else ()

        new = bool(self._append(stream, decide))
        self.follow_balance(settled.account_id, return_id, freezes=True)
        return new

    # -- The account's standing --------------------------------------------------------------------------------------

    def follow_balance(self, account_id: str, because: str, *, freezes: bool) -> None:
        """Freeze the account where it is below zero and `because` may be why, and take that freeze off where it is not any more.
        Guarded by the balance itself: whoever moves it meanwhile decides again."""
        name = buckets.available(account_id)

        def decide() -> Decision:
            account = load_account(self._ledger, self._codec, account_id)
            if self._ledger.bucket_values([name])[name] < 0:
                reason = f"negative balance after {because}"[: accounts.REASON_LENGTH_MAX]
                frozen = accounts.freeze(account, reason=reason, cause=NEGATIVE_BALANCE) if freezes else []
                return account.version, frozen, (Guard(name, ceiling=-1),)
            thawed = accounts.unfreeze(account, reason=f"balance restored by {because}", cause=NEGATIVE_BALANCE)
            return account.version, thawed, (Guard(name, floor=0),)

        self._append(account_stream(account_id), decide)

    def _append(
        self,
        stream: str,
        decide: Callable[[], Decision],
        *,
        refused: Callable[[str], Exception] | None = None,
    ) -> Sequence[Event]:
        """Decide and append until it stands, or until there is nothing to do. Returns what was appended."""
        for _ in range(ATTEMPTS_MAX):
            version, events, guards = decide()
            if not events:
                return ()
            [verdict] = self._ledger.append(
                [Append(f"cmd_{secrets.token_hex(12)}", stream, version, tuple(events), guards)]
            )
            match verdict:
                case Committed():
                    return events
                case GuardRefused() if refused is not None:
                    raise refused(verdict.bucket)
                case Failed():
                    raise CommandFailed(verdict.message)
                case _:
                    continue  # others were faster: decide again
        raise TooManyConflicts(f"{stream} is being changed by others. Try again.")


def _same_currency(settled: TopUpSettled, currency: str) -> None:
    if currency != settled.currency:
        raise PaymentMismatch("currency", settled.currency, currency)
