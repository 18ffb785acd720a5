"""GET /v1/models and /v1/models/{id}: OpenAI's shape, and beside it capabilities and prices.

Rule: public; with a key, the models that the key may use. Prices are decimal strings, USD per single unit (a token, a call,
an image), in the spelling that clients know from other gateways.
"""

from __future__ import annotations

from typing import Any

from app.auth import Key
from app.services import Services
from domain.catalog import Model
from domain.decimals import format_scaled
from domain.errors import ModelNotFound
from domain.pricing import PER_UNIT_DECIMALS, PriceList

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


def list_models(services: Services, key: Key | None) -> dict[str, Any]:
    """All models that may be used, sorted by id."""
    models = sorted((model for model in services.catalog.models() if _allowed(model, key)), key=lambda model: model.id)
    return {"object": "list", "data": [describe(model, services.listings[model.id].created) for model in models]}


def show_model(services: Services, key: Key | None, model_id: str) -> dict[str, Any]:
    """One model. Raises ModelNotFound, for a model that the key may not use as well."""
    model = services.catalog.model(model_id)
    if not _allowed(model, key):
        raise ModelNotFound(model_id)
    return describe(model, services.listings[model.id].created)


def describe(model: Model, created: int) -> dict[str, Any]:
    """A model as clients read it. `created` is in seconds since 1970."""
    return {
        "id": model.id,
        "object": "model",
        "created": created,
        "owned_by": "realrouter",
        "name": model.id,
        "context_length": model.context_window,
        "max_output_tokens": model.max_output_tokens,
        "architecture": {
            "input_modalities": list(model.input_modalities),
            "output_modalities": list(model.output_modalities),
        },
        "capabilities": {
            "tools": sorted(model.tools),
            "endpoints": _ENDPOINTS,
            "streaming": True,
        },
        "pricing": _pricing(model.prices),
    }


def _allowed(model: Model, key: Key | None) -> bool:
    return key is None or key.limits.models is None or model.id in key.limits.models


def _pricing(prices: PriceList) -> dict[str, Any]:
    base, *above = prices.tiers
    pricing: dict[str, Any] = _token_prices(base.by_kind)
    if prices.web_search_call_picos is not None:
        pricing["web_search"] = format_scaled(prices.web_search_call_picos, PER_UNIT_DECIMALS)
    if prices.image_picos is not None:
        table = {size: format_scaled(picos, PER_UNIT_DECIMALS) for size, picos in prices.image_picos.items()}
        pricing["image"] = table["*"] if set(table) == {"*"} else table
    if above:
        pricing["above"] = [{"input_tokens": tier.above_input_tokens, **_token_prices(tier.by_kind)} for tier in above]
    return pricing


def _token_prices(by_kind: dict[str, int]) -> dict[str, str]:
    return {name: format_scaled(by_kind[kind], PER_UNIT_DECIMALS) for name, kind in _PRICE_NAMES.items()}
