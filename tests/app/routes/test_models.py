"""GET /v1/models and /v1/models/{id}: public, in OpenAI's shape, with capabilities and prices."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from domain.events import KeyLimits
from tests.support.gateway import MODEL, envelope, running


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
