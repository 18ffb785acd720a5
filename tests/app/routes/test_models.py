"""GET /v1/models and /v1/models/{id}: public, in OpenAI's shape, with capabilities and prices."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import msgspec

from app.routes.models import describe
from app.routes.shapes import ModelList
from domain.catalog import Model
from domain.events import KeyLimits
from domain.pricing import parse_prices
from tests.support.docs.documents import Document, spans
from tests.support.gateway.gateway import MODEL, Json, envelope, running


async def test_models_are_listed_without_a_key(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        body = (await gateway.http.get(f"{gateway.base_url}/models")).json()
        assert body["object"] == "list"
        ids = [model["id"] for model in body["data"]]
        assert ids == sorted(ids)
        [mini] = [model for model in body["data"] if model["id"] == MODEL]
        assert {"id", "object", "created", "owned_by"} <= set(mini)
        assert mini["object"] == "model"
        assert mini["capabilities"]["tools"] == ["function", "image_generation", "web_search"]
        assert mini["architecture"]["input_modalities"] == ["text", "image", "file"]
        pricing = mini["pricing"]
        assert Decimal(pricing["prompt"]) * 10**6 == Decimal("0.25")
        assert Decimal(pricing["completion"]) * 10**6 == Decimal("2.00")
        assert Decimal(pricing["input_cache_read"]) * 10**6 == Decimal("0.025")
        assert Decimal(pricing["web_search"]) == Decimal("0.01")
        assert Decimal(pricing["image"]) == Decimal("0.04")
        assert mini == (await gateway.http.get(f"{gateway.base_url}/models/{MODEL}")).json()


async def test_a_key_sees_its_own_models(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        _, key = gateway.new_key(KeyLimits(models=("gpt-5.5",)))
        headers = {"authorization": f"Bearer {key}"}
        body = (await gateway.http.get(f"{gateway.base_url}/models", headers=headers)).json()
        assert [model["id"] for model in body["data"]] == ["gpt-5.5"]
        hidden = await gateway.http.get(f"{gateway.base_url}/models/{MODEL}", headers=headers)
        envelope(hidden, 404, "model_not_found")
        wrong = await gateway.http.get(f"{gateway.base_url}/models", headers={"authorization": "Bearer sk-proj-x"})
        envelope(wrong, 401, "invalid_api_key")


async def test_a_model_id_with_a_slash_is_found_however_it_is_written(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        for path in ("vendor/plain:1", "vendor%2Fplain:1", "vendor%2Fplain%3A1", "vendor/plain:1/"):
            answer = await gateway.http.get(f"{gateway.base_url}/models/{path}")
            assert answer.status_code == 200, path
            assert answer.json()["id"] == "vendor/plain:1"
        envelope(await gateway.http.get(f"{gateway.base_url}/models/vendor"), 404, "model_not_found")


def test_a_model_lists_all_its_capabilities_and_prices() -> None:
    """Figures from vendors' price lists: a price per million tokens is shown per token, exactly."""
    prices = {
        "input": "2.50",
        "cached_input": "0.25",
        "cache_write": "3.125",
        "cache_write_1h": "5",
        "output": "15",
        "image_input": "8",
        "image_output": "32",
        "web_search_call": "0.014",
        "image": {"low/1024x1024": "0.011", "*": "0.167"},
        "calls": {"mcp": "0", "code_interpreter": "0.03"},
        "above": [{"input_tokens": 272_000, "input": "5"}],
        "tier": [
            {"name": "priority", "input": "5", "output": "30"},
            {"name": "flex", "input": "1.25", "above": [{"input_tokens": 272_000, "input": "2.50"}]},
        ],
    }
    model = Model(
        id="m",
        upstreams=("secret-upstream",),
        upstream_model="secret-name",
        tools=frozenset({"web_search", "function", "mcp"}),
        input_modalities=("text", "image"),
        output_modalities=("text",),
        context_window=400_000,
        max_output_tokens=128_000,
        prices=parse_prices(prices),
        endpoints=("responses",),
    )
    told = as_told(model, 1_700_000_000)
    assert (told["id"], told["object"], told["created"], told["owned_by"]) == (
        "m",
        "model",
        1_700_000_000,
        "realrouter",
    )
    assert (told["context_length"], told["max_output_tokens"]) == (400_000, 128_000)
    assert told["architecture"] == {"input_modalities": ["text", "image"], "output_modalities": ["text"]}
    assert told["capabilities"] == {
        "input_modalities": ["text", "image"],
        "output_modalities": ["text"],
        "tools": ["function", "mcp", "web_search"],
        "context_window": 400_000,
        "max_output_tokens": 128_000,
        "endpoints": ["/v1/responses", "/v1/chat/completions"],
        "streaming": True,
        "service_tiers": ["auto", "default", "flex", "priority"],
    }
    base = {
        "prompt": "0.0000025",
        "completion": "0.000015",
        "internal_reasoning": "0.000015",
        "input_cache_read": "0.00000025",
        "input_cache_write": "0.000003125",
        "input_cache_write_1h": "0.000005",
        "image_input": "0.000008",
    }
    flex = base | {"prompt": "0.00000125"}
    assert told["pricing"] == {
        **base,
        "above": [{"input_tokens": 272_000, **base, "prompt": "0.000005"}],
        "web_search": "0.014",
        "image": {"*": "0.167", "low/1024x1024": "0.011"},
        "calls": {"code_interpreter": "0.03", "mcp": "0"},
        "service_tiers": {
            "flex": {**flex, "above": [{"input_tokens": 272_000, **flex, "prompt": "0.0000025"}]},
            "priority": base | {"prompt": "0.000005", "completion": "0.00003", "internal_reasoning": "0.00003"},
        },
    }
    assert "secret" not in str(told)
    by_token = parse_prices({name: price for name, price in prices.items() if name != "image"})
    told["pricing"] |= as_told(replace(model, prices=by_token), 0)["pricing"]
    assert told["pricing"]["image_output"] == told["pricing"]["service_tiers"]["flex"]["image_output"] == "0.000032"
    members = {f"{part}.{name}" for part in ("capabilities", "pricing") for name in told[part]}
    assert members == {name for row in Document("ops/reference.md").rows("Models", 2) for name in spans(row[0])}


def as_told(model: Model, created: int) -> Json:
    """A model in the JSON that is answered."""
    told: Json = msgspec.json.decode(msgspec.json.encode(describe(model, created)))
    return told


async def test_every_model_fits_the_schema_that_the_document_gives_it(tmp_path: Path) -> None:
    """Strictly: no member outside the schema, no null member, and no required member missing."""
    async with running(tmp_path) as gateway:
        body = (await gateway.http.get(f"{gateway.base_url}/models")).json()
    assert msgspec.to_builtins(msgspec.convert(body, ModelList)) == body
    assert "null" not in json.dumps(body)


async def test_a_model_without_a_price_for_something_has_no_member_for_it(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        shown = (await gateway.http.get(f"{gateway.base_url}/models/vendor/plain:1")).json()
    assert {"above", "calls", "service_tiers", "image_output"}.isdisjoint(shown["pricing"])
