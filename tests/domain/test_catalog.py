"""The models on offer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.catalog import DOCUMENTED_TOOLS, PRICED_TOOLS, Catalog, Model
from domain.errors import InvalidValue, ModelNotFound
from domain.pricing import parse_prices
from domain.usage import CALLED_TOOLS

PRICES = parse_prices({"input": "1", "output": "2", "web_search_call": "0.01", "image": "0"})
MODEL = Model(
    id="m",
    upstreams=("u", "v"),
    upstream_model="m-1",
    tools=frozenset(DOCUMENTED_TOOLS),
    input_modalities=("text",),
    output_modalities=("text",),
    context_window=100,
    max_output_tokens=100,
    prices=PRICES,
)


def test_models_are_found_by_id_and_kept_in_order() -> None:
    other = replace(MODEL, id="vendor/other")
    catalog = Catalog([MODEL, other], ["u", "v"])
    assert catalog.model("vendor/other") is other
    assert list(catalog) == [MODEL, other]
    assert catalog.models() == (MODEL, other)
    assert len(catalog) == 2


def test_an_unknown_model_is_named() -> None:
    with pytest.raises(ModelNotFound) as refused:
        Catalog([], []).model("gpt-0")
    assert refused.value.model == "gpt-0"


@pytest.mark.parametrize(
    ("model", "field"),
    [
        (replace(MODEL, upstreams=()), "model.upstreams"),
        (replace(MODEL, upstreams=("u", "w")), "model.upstreams"),
        (replace(MODEL, max_output_tokens=0), "model.max_output_tokens"),
        (replace(MODEL, max_output_tokens=101), "model.max_output_tokens"),
        (replace(MODEL, prices=parse_prices({"input": "1", "output": "2"})), "model.price.web_search_call"),
        (replace(MODEL, tools=frozenset({"mcp"})), "model.price.calls.mcp"),
        (replace(MODEL, tools=frozenset({"namespace"})), "model.price.calls.namespace"),
        (
            replace(MODEL, prices=parse_prices({"input": "1", "output": "2", "web_search_call": "0"})),
            "model.price.image",
        ),
    ],
)
def test_a_model_that_cannot_be_served_or_priced_is_refused(model: Model, field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        Catalog([model], ["u", "v"])
    assert refused.value.field == field


def test_a_model_is_listed_once() -> None:
    with pytest.raises(InvalidValue, match="twice"):
        Catalog([MODEL, MODEL], ["u", "v"])


def test_tools_that_cost_nothing_need_no_price() -> None:
    plain = replace(MODEL, tools=frozenset({"function"}), prices=parse_prices({"input": "1", "output": "2"}))
    assert Catalog([plain], ["u", "v"]).model("m").tools.isdisjoint(PRICED_TOOLS)


def test_every_other_tool_is_offered_at_its_price() -> None:
    prices = parse_prices({"input": "1", "output": "2", "calls": dict.fromkeys(CALLED_TOOLS, "0")})
    model = replace(MODEL, tools=frozenset({"function", *CALLED_TOOLS}), prices=prices)
    assert Catalog([model], ["u", "v"]).model("m").tools == {"function", *CALLED_TOOLS}


def test_a_model_may_have_another_name_at_an_upstream() -> None:
    renamed = replace(MODEL, upstream_names={"v": "m-v"})
    assert (renamed.name_at("u"), renamed.name_at("v")) == ("m-1", "m-v")


def test_a_model_offers_the_service_tiers_that_have_a_price() -> None:
    assert MODEL.service_tiers == ("auto", "default")
    flex = {"name": "flex", "input": "0.5", "output": "1"}
    prices = parse_prices({"input": "1", "output": "2", "tier": [flex]})
    assert replace(MODEL, prices=prices).service_tiers == ("auto", "default", "flex")
