"""The only code through which payments change the books: pure decisions, appended at the version they were made on.

Rule 1: any report of a payment (webhook, success page, sweep) is credited here, after it is checked against the checkout.
Rule 2: each step is one append, decided on the current stream, and can be repeated without effect. If the process dies between two
steps, the next report of the payment completes them.
Rule 3: the payment is recorded in its checkout before it is credited, so two payments never credit one checkout.
Rule 4: after money has moved, the account is frozen if a return made its balance negative, and unfrozen once it is restored.
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
    FundsWithdrawn,
    RefundPosted,
    Tax,
    TopUpSettled,
    account_stream,
    checkout_stream,
    dispute_stream,
    payment_stream,
    refund_stream,
)
from domain.payment import Return, Returned, Taking

POSTED = frozenset({"succeeded", "pending"})
"""The states of a refund in which the money has left."""
UNDONE = frozenset({"failed", "canceled"})
Decision = tuple[int, Sequence[Event], tuple[Guard, ...]]
"""(stream version that the decision was made on, events to append, guards)"""


@dataclass(frozen=True, slots=True)
class ReportedPayment:
    """A payment as the processor reported it. None: not reported."""

    payment_id: str
    checkout_id: str
    account_id: str | None
    amount_minor: int | None
    currency: str | None
    tax: Tax | None = None


class Crediting:
    """Reads and appends to the ledger directly."""

    def __init__(self, ledger: Ledger, codec: Codec) -> None:
        self._ledger = ledger
        self._codec = codec

    # -- Current state ------------------------------------------------------------------------------------------------

    def checkout(self, checkout_id: str) -> Checkout:
        """Raises StoreUnavailable."""
        stored = self._ledger.stream(checkout_stream(checkout_id))
        instants = [one.recorded_at_micros for one in stored]
        return checkouts.fold(checkout_id, zip(known(self._codec, stored), instants, strict=True))

    def settled(self, payment_id: str) -> TopUpSettled | None:
        """The event that credited a payment, if any."""
        events = known(self._codec, self._ledger.stream(payment_stream(payment_id)))
        return next((event for event in events if isinstance(event, TopUpSettled)), None)

    def returned(self, payment_id: str) -> Returned:
        """The totals that refunds and disputes have taken back of a payment."""
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
        """Record that the checkout expired unpaid. Returns whether that is new. Raises NotFound."""
        return self._end(checkout_id, checkouts.expire)

    def fail(self, checkout_id: str, reason: str) -> bool:
        """Record that the payment was refused. Returns whether that is new. Raises NotFound."""
        return self._end(checkout_id, lambda checkout: checkouts.fail(checkout, reason))

    def _end(self, checkout_id: str, end: Callable[[Checkout], list[Event]]) -> bool:
        def decide() -> Decision:
            checkout = self.checkout(checkout_id)
            return checkout.version, end(checkout), ()

        return bool(self._append(checkout_stream(checkout_id), decide))

    # -- Money in ----------------------------------------------------------------------------------------------------

    def credit(self, paid: ReportedPayment) -> bool:
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
        stream = refund_stream(refund.refund_id)
        if refund.status in POSTED:
            return self._take_back(settled, stream, RefundPosted, refund.refund_id, refund.amount_minor)
        if refund.status in UNDONE:
            return self._give_back(settled, stream, refund.refund_id)
        return False

    def dispute(self, settled: TopUpSettled, dispute: Dispute) -> bool:
        """Post a dispute's withdrawal and reinstatement. Returns whether anything is new. Raises PaymentMismatch, InvalidValue."""
        _same_currency(settled, dispute.currency)
        stream, new = dispute_stream(dispute.dispute_id), False
        if dispute.withdrawn:
            new = self._take_back(settled, stream, FundsWithdrawn, dispute.dispute_id, dispute.amount_minor)
        if dispute.reinstated:
            new |= self._give_back(settled, stream, dispute.dispute_id)
        return new

    def _take_back(
        self, settled: TopUpSettled, stream: str, taking: type[Taking], return_id: str, amount_minor: int
    ) -> bool:
        def decide(there: Return, returned: Returned) -> list[Event]:
            return payments.take_back(there, taking, settled, amount_minor, returned)

        return self._return(settled, stream, return_id, decide)

    def _give_back(self, settled: TopUpSettled, stream: str, return_id: str) -> bool:
        return self._return(
            settled, stream, return_id, lambda there, returned: payments.give_back(there, settled, returned)
        )

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

    # -- Freezing -----------------------------------------------------------------------------------------------------

    def follow_balance(self, account_id: str, because: str, *, freezes: bool) -> None:
        """If the balance is negative, freeze the account (only if `freezes` is true). If it is not negative, end that freeze. A
        guard on the balance makes the decision run again if the balance changes meanwhile."""
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
        """Decide and append, again after each conflict, until nothing is left to do. Returns the events appended."""
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
                    continue  # another writer was faster: decide again
        raise TooManyConflicts(f"{stream} is being changed by other processes. Try again.")


def _same_currency(settled: TopUpSettled, currency: str) -> None:
    if currency != settled.currency:
        raise PaymentMismatch("currency", settled.currency, currency)
