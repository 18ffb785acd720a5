"""Computes what a period would have cost at other prices.

Rule 1: the usage of every charge is priced again by the same function that priced it. Nothing is changed or written.
Rule 2: a model without new prices keeps its old prices, and is reported as such.
Rule 3: usage without a new price is reported. It counts as free, except that a service tier without prices is priced by the list
itself.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from app.exports.source import Source, Span, pages
from app.faults import PricesUnfit
from app.reports.folds import OnProgress
from domain.errors import InvalidValue
from domain.events import RequestDebited
from domain.pricing import PriceList, parse_prices, price_usage, tier_is_priced
from domain.usage import Usage
from projections.exports.contract import event_of

PRICES_BYTES_MAX = 4 << 20


class Repriced(msgspec.Struct, frozen=True):
    """An account's charges for a model, as they were and as they would have been. `priced`: whether the model has a new price.
    `unpriced`: the usage for which the new prices have no price."""

    account_id: str
    model: str
    priced: bool
    unpriced: tuple[str, ...]
    requests: int
    charged_nanos: int
    repriced_nanos: int

    @property
    def difference_nanos(self) -> int:
        return self.repriced_nanos - self.charged_nanos


def read_prices(path: Path) -> dict[str, PriceList]:
    """Prices by model, from a file with `[[model]]` tables like those of the configuration; the rest of the file is ignored.
    Raises PricesUnfit, OSError."""
    with path.open("rb") as file:
        text = file.read(PRICES_BYTES_MAX + 1)
    if len(text) > PRICES_BYTES_MAX:
        raise PricesUnfit(f"{path.name} is larger than {PRICES_BYTES_MAX} bytes.")
    try:
        table = tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PricesUnfit(f"{path.name} is not valid TOML: {error}") from error
    models = table.get("model")
    if not isinstance(models, list) or not models:
        raise PricesUnfit(f"{path.name} has no [[model]] with a price.")
    found: dict[str, PriceList] = {}
    for number, model in enumerate(models, 1):
        model_id, prices = _model(path.name, number, model)
        if model_id in found:
            raise PricesUnfit(f"{path.name} has the model {model_id[:100]!r} twice.")
        found[model_id] = prices
    return found


def _model(name: str, number: int, model: Any) -> tuple[str, PriceList]:
    if not isinstance(model, Mapping) or not isinstance(model.get("id"), str):
        raise PricesUnfit(f"{name}: [[model]] number {number} has no id.")
    price = model.get("price")
    if not isinstance(price, Mapping):
        raise PricesUnfit(f"{name}: the model {model['id'][:100]!r} has no price.")
    try:
        return model["id"], parse_prices(price)
    except InvalidValue as error:
        raise PricesUnfit(f"{name}: the model {model['id'][:100]!r}: {error}") from error


def reprice(source: Source, span: Span, prices: Mapping[str, PriceList], on_progress: OnProgress) -> list[Repriced]:
    """Reprice a span, by account and model. Blocks. Raises StoreUnavailable, ExportStopped."""
    sums: dict[tuple[str, str], tuple[int, int, int]] = {}
    lacking: dict[tuple[str, str], set[str]] = defaultdict(set)
    for page in pages(source, span.after, span.until):
        for fact in page:
            event = event_of(fact)
            if isinstance(event, RequestDebited):
                key = (event.account_id, event.model)
                requests, charged, repriced = sums.get(key, (0, 0, 0))
                sums[key] = (requests + 1, charged + event.cost_nanos, repriced + _again(event, prices))
                if event.model in prices:
                    lacking[key].update(unpriced(prices[event.model], event.usage))
        on_progress(page[-1].position, span.until)
    return [
        Repriced(*key, key[1] in prices, tuple(sorted(lacking[key])), *figures) for key, figures in sorted(sums.items())
    ]


def _again(event: RequestDebited, prices: Mapping[str, PriceList]) -> int:
    new = prices.get(event.model)
    return event.cost_nanos if new is None else price_usage(new, event.usage).amount_nanos


def unpriced(prices: PriceList, usage: Usage) -> Iterator[str]:
    """The kinds of usage that have no price in the list, by the names in its lines and its table."""
    if usage.web_search_calls and prices.web_search_call_picos is None:
        yield "web_search_call"
    if usage.images and prices.image_picos is None and not usage.image_output:
        yield "image"  # otherwise it is priced by its tokens
    yield from (f"call:{call.tool}" for call in usage.calls if call.count and call.tool not in prices.call_picos)
    if not tier_is_priced(prices, usage.service_tier):
        yield f"tier:{usage.service_tier}"
