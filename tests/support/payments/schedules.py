"""A world in which payments happen in any order: a processor that repeats, reorders and loses, forgers, gateways that die.

Rule 1: what may happen is a list of acts, drawn beforehand; an act that makes no sense now does nothing.
Rule 2: at the end everything is put right by one sweep, and then the books are held against the processor.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import trio

from app.faults import BadSignature, VendorRefused, VendorUnavailable
from app.payments.processing import Processing
from app.payments.vendor import Vendor
from domain.account import NEGATIVE_BALANCE
from domain.errors import DomainError
from domain.events import CheckoutCompleted, CheckoutStarted, FundsWithdrawn, RefundPosted, TopUpSettled
from domain.postings import postings
from tests.fakes.stripe_api import FakeTransport
from tests.fakes.stripe_model import StripeState
from tests.support.payments.paying import KEY, PACKS, WEBHOOK_SECRET, Died, House, InlinePayments, stripe_over

ACCOUNTS = 2
Act = tuple[str, int]
"""(what happens, a number that says to which thing or how)"""
ACTS = (
    *("begin", "begin", "pay", "pay", "pay_later", "settle_later", "fail_later", "expire", "decline"),
    *("refund", "refund_all", "settle_refund", "fail_refund", "dispute", "win", "lose"),
    *("deliver", "deliver", "deliver", "repeat", "drop", "forge"),
    *("look", "process", "process", "two_process", "sweep", "pass_time", "next_day"),
    *("lose_answer", "fail_once", "die", "die", "die_after"),
)


@dataclass
class Story:
    """What came of a schedule, for the checks and the figures."""

    deaths: int
    credited: int
    begun: int
    returned: int


class World:
    def __init__(self, house: House, seed: int) -> None:
        self.house = house
        self.state = StripeState(seed=seed)
        self.transport = FakeTransport(self.state, KEY)
        self.vendor: Vendor = stripe_over(self.transport)
        self.accounts = [house.account(f"acct_{index}") for index in range(ACCOUNTS)]
        self.payments: InlinePayments = house.process(self.vendor)
        self.begun: list[tuple[str, str, str]] = []
        """(checkout, account, pack)"""
        self.delivered: list[tuple[bytes, str]] = []

    async def act(self, act: Act) -> None:
        """One act. A gateway that dies in it is followed by another."""
        name, number = act
        try:
            await getattr(self, f"_{name}")(number)
        except Died:
            self.house.ledger.dies_in = None
            self.payments = self.house.process(self.vendor)
        except (VendorUnavailable, VendorRefused, DomainError):
            pass  # whoever asked is told so, and may ask again

    # -- Customers ---------------------------------------------------------------------------------------------------

    async def _begin(self, number: int) -> None:
        checkout_id = f"co_{number % 6}"
        account_id, pack = self.accounts[number % ACCOUNTS], list(PACKS)[number % len(PACKS)]
        self.begun.append((checkout_id, account_id, pack))
        await self.payments.begin(checkout_id, account_id, pack, save=False)

    async def _look(self, number: int) -> None:
        if self.begun:
            checkout_id = self.begun[number % len(self.begun)][0]
            await self.payments.look(self.payments.crediting.checkout(checkout_id))

    async def _pay(self, number: int) -> None:
        self._on_session(number, self.state.pay)

    async def _pay_later(self, number: int) -> None:
        self._on_session(number, self.state.pay_later)

    async def _settle_later(self, number: int) -> None:
        self._on_session(number, self.state.settle_later)

    async def _fail_later(self, number: int) -> None:
        self._on_session(number, self.state.fail_later)

    async def _expire(self, number: int) -> None:
        self._on_session(number, self.state.expire)

    async def _decline(self, number: int) -> None:
        self._on_session(number, self.state.decline)

    def _on_session(self, number: int, do: Callable[[str], object]) -> None:
        sessions = list(self.state.sessions)
        if sessions:
            with contextlib.suppress(ValueError):
                do(sessions[number % len(sessions)])

    # -- Money back --------------------------------------------------------------------------------------------------

    async def _refund(self, number: int) -> None:
        self._on_payment(number, lambda payment: self.state.refund(payment, 1 + number % 400))

    async def _refund_all(self, number: int) -> None:
        def refund_what_is_left(payment: str) -> object:
            return self.state.refund(payment, self.state.refundable(payment), status="pending")

        self._on_payment(number, refund_what_is_left)

    async def _settle_refund(self, number: int) -> None:
        self._on(list(self.state.refunds), number, self.state.settle_refund)

    async def _fail_refund(self, number: int) -> None:
        self._on(list(self.state.refunds), number, self.state.fail_refund)

    async def _dispute(self, number: int) -> None:
        self._on_payment(number, lambda payment: self.state.dispute(payment, 1 + number % 700))

    async def _win(self, number: int) -> None:
        self._on(list(self.state.disputes), number, self.state.win_dispute)

    async def _lose(self, number: int) -> None:
        self._on(list(self.state.disputes), number, self.state.lose_dispute)

    def _on_payment(self, number: int, do: Callable[[str], object]) -> None:
        self._on(self.state.succeeded(), number, do)

    @staticmethod
    def _on(ids: list[str], number: int, do: Callable[[str], object]) -> None:
        if ids:
            with contextlib.suppress(ValueError):
                do(ids[number % len(ids)])

    # -- Deliveries --------------------------------------------------------------------------------------------------

    async def _deliver(self, number: int) -> None:
        """Any of those that wait: they come in no order."""
        if self.state.deliveries:
            event = self.state.deliveries.pop(number % len(self.state.deliveries))
            webhook = self.state.signed(event, WEBHOOK_SECRET)
            self.delivered.append(webhook)
            await self.payments.take_in(*webhook)

    async def _repeat(self, number: int) -> None:
        if self.delivered:
            await self.payments.take_in(*self.delivered[number % len(self.delivered)])

    async def _drop(self, number: int) -> None:
        if self.state.deliveries:
            self.state.deliveries.pop(number % len(self.state.deliveries))

    async def _forge(self, number: int) -> None:
        """A webhook that somebody else signed, or one that was changed on its way."""
        if self.delivered:
            body, signature = self.delivered[number % len(self.delivered)]
            forged = (
                (body.replace(b'"amount_total":', b'"amount_total":1'), signature) if number % 2 else (body, "t=1,v1=0")
            )
            if forged != (body, signature):
                with contextlib.suppress(BadSignature):
                    await self.payments.take_in(*forged)
                    raise AssertionError("a forged webhook was taken in")

    # -- Gateways ----------------------------------------------------------------------------------------------------

    async def _process(self, number: int) -> None:
        await Processing(self.payments).drain()

    async def _two_process(self, number: int) -> None:
        """Two processes at once, and one of them may have been told to die."""
        outcomes: list[type[BaseException] | None] = []

        async def one(payments: InlinePayments) -> None:
            try:
                await Processing(payments).drain()
                outcomes.append(None)
            except Died:
                outcomes.append(Died)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(one, self.payments)
            nursery.start_soon(one, self.house.process(self.vendor))
        if Died in outcomes:
            raise Died

    async def _sweep(self, number: int) -> None:
        await self.house.sweep(self.payments)

    async def _pass_time(self, number: int) -> None:
        self.house.pass_time()

    async def _next_day(self, number: int) -> None:
        """Past every idempotency key."""
        self.state.now += 86_401
        self.house.pass_time(86_401)

    async def _lose_answer(self, number: int) -> None:
        self.transport.faults.lose_response_after_acting = 1

    async def _fail_once(self, number: int) -> None:
        self.transport.faults.status_500 = 1

    async def _die(self, number: int) -> None:
        self.house.ledger.dies_in, self.house.ledger.after = number % 7, False

    async def _die_after(self, number: int) -> None:
        self.house.ledger.dies_in, self.house.ledger.after = number % 7, True

    # -- The end -----------------------------------------------------------------------------------------------------

    async def settle(self) -> None:
        """No more faults: a fresh process sweeps."""
        self.house.ledger.dies_in = None
        self.transport.faults.clear()
        self.house.pass_time()
        self.payments = self.house.process(self.vendor)
        report = await self.house.sweep(self.payments)
        again = await self.house.sweep(self.payments)
        assert report.differences == (), report
        assert again.put_right == (), again
        for currency, totals in again.theirs.items():
            assert totals.paid_minor == self.state.paid_minor(currency)
            returned = self.state.refunded_minor(currency) + self.state.withdrawn_minor(currency)
            assert totals.returned_minor == returned
            ours = again.ours[currency]
            assert (ours.paid_minor, ours.returned_minor) == (totals.paid_minor, totals.returned_minor)

    def check(self) -> Story:
        """Every paid session is credited once with what was ordered, nothing else is, and the books balance."""
        events = self.house.events()
        credited = [event for event in events if isinstance(event, TopUpSettled)]
        assert Counter(event.payment_id for event in credited) == Counter(self.state.succeeded())
        orders = {event.checkout_id: event for event in events if isinstance(event, CheckoutStarted)}
        for event in credited:
            order = orders[event.checkout_id]
            assert (event.account_id, event.credit_nanos) == (order.account_id, order.credit_nanos)
        completed = Counter(event.checkout_id for event in events if isinstance(event, CheckoutCompleted))
        assert completed == Counter(event.checkout_id for event in credited)
        assert sum(nanos for event in events for _, nanos in postings(event)) == 0
        for account_id in self.accounts:
            negative = self.house.available(account_id) < 0
            assert (NEGATIVE_BALANCE in self.house.frozen_for(account_id)) == negative, account_id
        returned = sum(isinstance(event, RefundPosted | FundsWithdrawn) for event in events)
        return Story(self.house.ledger.deaths, len(credited), len(self.begun), returned)


async def play(house: House, seed: int, acts: list[Act]) -> Story:
    """A schedule from its first act to the checks."""
    world = World(house, seed)
    for act in acts:
        await world.act(act)
    await world.settle()
    return world.check()
