"""Our client of Stripe over the fake: on a socket, in the process, or with a tap on the wire."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from app.payments.stripe import StripeVendor
from app.payments.vendor import SavedMethod, Session
from domain.events import CheckoutStarted
from tests.fakes.stripe_api import FakeTransport, Faults, serving
from tests.fakes.stripe_model import StripeState
from tests.support.payments.paying import KEY, WEBHOOK_SECRET, stripe_over

ORDER = CheckoutStarted("co_1", "acct_1", "starter", 1000, "usd", 10**10, False)
AUTOMATIC = CheckoutStarted("co_auto_1", "acct_1", "starter", 1000, "usd", 10**10, True)
SAVED = SavedMethod("cus_1", "pm_1")


class Wiretap(httpx.AsyncBaseTransport):
    """Keeps what was asked, and answers as `inner` does or with `answers`, one each."""

    def __init__(self, inner: httpx.AsyncBaseTransport, *answers: tuple[int, Any]) -> None:
        self._inner = inner
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        if self._answers:
            status, told = self._answers.pop(0)
            return httpx.Response(status, content=told if isinstance(told, bytes) else json.dumps(told).encode())
        return await self._inner.handle_async_request(request)

    @property
    def form(self) -> dict[str, str]:
        """The last body, flat."""
        return {name: values[0] for name, values in parse_qs(self.requests[-1].content.decode()).items()}


def tapped(*answers: tuple[int, Any]) -> tuple[StripeState, Wiretap, StripeVendor]:
    state = StripeState()
    tap = Wiretap(FakeTransport(state, KEY), *answers)
    return state, tap, stripe_over(tap)


@asynccontextmanager
async def over_a_socket(state: StripeState, faults: Faults) -> AsyncIterator[StripeVendor]:
    async with serving(state, KEY, faults) as url:
        vendor = StripeVendor(KEY, WEBHOOK_SECRET, api_base=url)
        yield vendor
        await vendor.aclose()


@asynccontextmanager
async def in_the_process(state: StripeState, faults: Faults) -> AsyncIterator[StripeVendor]:
    transport = FakeTransport(state, KEY)
    transport.faults = faults
    vendor = stripe_over(transport)
    yield vendor
    await vendor.aclose()


both_ways = pytest.mark.parametrize("reached", [over_a_socket, in_the_process], ids=["socket", "transport"])


async def opened(vendor: StripeVendor, *, save: bool = False) -> Session:
    return await vendor.open_session(ORDER, product="Starter", return_url="http://127.0.0.1/back", save=save)


async def all_of(found: AsyncIterator[Any]) -> list[Any]:
    return [each async for each in found]
