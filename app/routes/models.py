"""GET /v1/models and /v1/models/{id}: OpenAI's shape, with capabilities and prices added.

Rule: public; with a key, only the models that the key may use. Prices are decimal strings, USD per single unit (a token, a call,
an image), under the member names that clients know from other gateways.
"""

from __future__ import annotations

from msgspec import UNSET
from quart import Request, Response

from app.accounts.auth import Key
from app.routes.bodies import public_answer
from app.routes.caller import bearer
from app.routes.openapi import Operation
from app.routes.route import Route
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
"""Every model serves both: if its upstream speaks only one, the other is translated."""


async def models(services: Services, request: Request) -> Response:
    key = await _key_if_any(services, request)
    return public_answer(list_models(services, key))


async def model(services: Services, request: Request, model_id: str) -> Response:
    key = await _key_if_any(services, request)
    return public_answer(show_model(services, key, model_id))


ROUTES = (
    Route(
        "GET",
        "/v1/models",
        models,
        Operation("List models", tag="models", answers={200: ModelList}, errors=(401,), caller="key if any"),
    ),
    Route(
        "GET",
        "/v1/models/<path:model_id>",
        model,
        Operation("Show a model", tag="models", answers={200: ModelObject}, errors=(401, 404), caller="key if any"),
    ),
)


async def _key_if_any(services: Services, request: Request) -> Key | None:
    return None if request.headers.get("authorization") is None else await bearer(services, request)


def list_models(services: Services, key: Key | None) -> ModelList:
    """The models that may be used, sorted by id."""
    serving = services.serving
    usable = sorted(
        (each for each in serving.offering.catalog.models() if _allowed(each, key)), key=lambda each: each.id
    )
    return ModelList("list", [describe(each, serving.listings[each.id].created) for each in usable])


def show_model(services: Services, key: Key | None, model_id: str) -> ModelObject:
    """One model. Raises ModelNotFound, also if the key may not use it."""
    serving = services.serving
    found = serving.offering.catalog.model(model_id)
    if not _allowed(found, key):
        raise ModelNotFound(model_id)
    return describe(found, serving.listings[found.id].created)


def describe(model: Model, created: int) -> ModelObject:
    """A model as clients see it. `created` is in seconds since 1970."""
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
    """Only charged kinds are included. If images have their own price, the tokens of generated images cost nothing."""
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
    """Token prices for requests with more input tokens than the base prices cover."""
    rates = [LongContextRates(**_by_name(tier, charged), input_tokens=tier.above_input_tokens) for tier in tiers[1:]]
    return rates or UNSET


def _by_name(tier: TokenPrices, charged: dict[str, str]) -> dict[str, str]:
    return {name: format_scaled(tier.by_kind[kind], PER_UNIT_DECIMALS) for name, kind in charged.items()}


def _unit_prices(picos: dict[str, int]) -> dict[str, str]:
    return {name: format_scaled(price, PER_UNIT_DECIMALS) for name, price in picos.items()}
