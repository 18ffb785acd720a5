"""Price lists as events: each model has a stream of price lists, and a debit names the version that priced it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from domain.events import Event, PriceListed
from domain.pricing import PriceList, parse_prices, price_table


@dataclass(frozen=True, slots=True)
class Listing:
    """The newest prices of a model; `version` 0 and no prices if none were ever listed."""

    model: str
    version: int = 0
    prices: PriceList | None = None


def fold(model: str, events: Iterable[Event]) -> Listing:
    """The newest listing after the events of a price stream, in order."""
    listing = Listing(model)
    for event in events:
        if isinstance(event, PriceListed):
            listing = Listing(model, listing.version + 1, parse_prices(event.prices))
    return listing


def list_prices(listing: Listing, prices: PriceList) -> list[Event]:
    """No events if the prices stay the same."""
    return [] if listing.prices == prices else [PriceListed(listing.model, price_table(prices))]
