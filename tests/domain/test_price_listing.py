"""Price lists as events."""

from __future__ import annotations

from typing import Any

from hypothesis import given

from domain.events import AccountOpened, Event, PriceListed
from domain.price_listing import Listing, fold, list_prices
from domain.pricing import PriceList, parse_prices, price_table
from tests.support.domain.strategies import price_lists, price_tables


@given(price_lists, price_lists)
def test_a_listing_is_a_new_version_only_where_prices_differ(first: PriceList, second: PriceList) -> None:
    events: list[Event] = list_prices(Listing("m"), first)
    assert fold("m", events) == Listing("m", 1, first)
    assert list_prices(fold("m", events), first) == []
    events += list_prices(fold("m", events), second)
    assert fold("m", events) == Listing("m", 1 if first == second else 2, second)


@given(price_tables)
def test_what_is_listed_is_the_canonical_table(table: dict[str, Any]) -> None:
    prices = parse_prices(table)
    assert list_prices(Listing("m"), prices) == [PriceListed("m", price_table(prices))]


def test_other_events_are_no_listing() -> None:
    assert fold("m", [AccountOpened("a", "n")]) == Listing("m")
