"""GET /v1/models and /v1/models/{id}: OpenAI's shape, and beside it capabilities and prices.

Rule: public; with a key, the models that the key may use. Prices are decimal strings, USD per single unit (a token, a call,
an image), in the spelling that clients know from other gateways.
"""

from __future__ import annotations

from msgspec import UNSET

from app.accounts.auth import Key
from app.routes.shapes import (
    Capabilities,
    LongContextRates,
    Modalities,
    ModelList,
    ModelObject,
    Pricing,
    TierRates,
    Unset,
)
from app.services import Services
from domain.catalog import Model
from domain.decimals import format_scaled
from domain.errors import ModelNotFound
from domain.pricing import PER_UNIT_DECIMALS, PriceList, TokenPrices, tiers_on_offer

_PRICE_NAMES = {
    "prompt": "input",
    "completion": "output",
    "internal_reasoning": "output",
    "input_cache_read": "cached_input",
    "input_cache_write": "cache_write",
    "input_cache_write_1h": "cache_write_1h",
    "image_input": "image_input",
    "image_output": "image_output",
}
_ENDPOINTS = ["/v1/responses", "/v1/chat/completions"]
"""Clients have both with every model: what its upstreams do not speak is translated."""


def list_models(services: Services, key: Key | None) -> ModelList:
    """All models that may be used, sorted by id."""
    models = sorted((model for model in services.catalog.models() if _allowed(model, key)), key=lambda model: model.id)
    return ModelList("list", [describe(model, services.listings[model.id].created) for model in models])


def show_model(services: Services, key: Key | None, model_id: str) -> ModelObject:
    """One model. Raises ModelNotFound, for a model that the key may not use as well."""
    model = services.catalog.model(model_id)
    if not _allowed(model, key):
        raise ModelNotFound(model_id)
    return describe(model, services.listings[model.id].created)


def describe(model: Model, created: int) -> ModelObject:
    """A model as clients read it. `created` is in seconds since 1970."""
    reads, writes = list(model.input_modalities), list(model.output_modalities)
    return ModelObject(
        id=model.id,
        object="model",
        created=created,
        owned_by="realrouter",
        name=model.id,
        context_length=model.context_window,
        max_output_tokens=model.max_output_tokens,
        architecture=Modalities(reads, writes),
        capabilities=Capabilities(
            input_modalities=reads,
            output_modalities=writes,
            tools=sorted(model.tools),
            context_window=model.context_window,
            max_output_tokens=model.max_output_tokens,
            endpoints=_ENDPOINTS,
            streaming=True,
            service_tiers=list(tiers_on_offer(model.prices)),
        ),
        pricing=_pricing(model.prices),
    )


def _allowed(model: Model, key: Key | None) -> bool:
    return key is None or key.limits.models is None or model.id in key.limits.models


def _pricing(prices: PriceList) -> Pricing:
    """Only what is charged: tokens of made images cost nothing where images have a price of their own."""
    charged = {name: kind for name, kind in _PRICE_NAMES.items() if kind in prices.kinds}
    base, *_above = prices.tiers
    tiers = {name: _tier(tiers, charged) for name, tiers in prices.service_tiers.items()}
    search = prices.web_search_call_picos
    return Pricing(
        **_by_name(base, charged),
        above=_above_rates(prices.tiers, charged),
        web_search=UNSET if search is None else format_scaled(search, PER_UNIT_DECIMALS),
        image=UNSET if prices.image_picos is None else _image(prices.image_picos),
        calls=_unit_prices(prices.call_picos) or UNSET,
        service_tiers=tiers or UNSET,
    )


def _image(picos: dict[str, int]) -> str | dict[str, str]:
    table = _unit_prices(picos)
    return table["*"] if set(table) == {"*"} else table


def _tier(tiers: tuple[TokenPrices, ...], charged: dict[str, str]) -> TierRates:
    return TierRates(**_by_name(tiers[0], charged), above=_above_rates(tiers, charged))


def _above_rates(tiers: tuple[TokenPrices, ...], charged: dict[str, str]) -> list[LongContextRates] | Unset:
    """What a token costs in requests with more input tokens than the first list is for."""
    rates = [LongContextRates(**_by_name(tier, charged), input_tokens=tier.above_input_tokens) for tier in tiers[1:]]
    return rates or UNSET


def _by_name(tier: TokenPrices, charged: dict[str, str]) -> dict[str, str]:
    return {name: format_scaled(tier.by_kind[kind], PER_UNIT_DECIMALS) for name, kind in charged.items()}


def _unit_prices(picos: dict[str, int]) -> dict[str, str]:
    return {name: format_scaled(price, PER_UNIT_DECIMALS) for name, price in picos.items()}
