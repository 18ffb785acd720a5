"""The offered models: their upstreams, capabilities and prices.

Rule: a Catalog is built once from the configuration, fully validated, and never changes while the process runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from domain.errors import InvalidValue, ModelNotFound
from domain.pricing import PriceList, tiers_on_offer
from domain.usage import CALLED_TOOLS

PRICED_TOOLS: Mapping[str, str] = {
    "web_search": "web_search_call",
    "image_generation": "image",
    **{tool: f"calls.{tool}" for tool in CALLED_TOOLS},
}
"""Tools priced per call, and the price entry that each needs ("0" is a price)."""
DOCUMENTED_TOOLS = ("function", "web_search", "image_generation")
"""The tools that a shipped configuration may list."""


@dataclass(frozen=True, slots=True)
class Model:
    """One model as customers see it. `upstreams` are tried in order; limits are in tokens.

    `upstream_model` is its name at all upstreams except those in `upstream_names`, which lists their names for it.
    `endpoints` ("responses", "chat") are the endpoints that its OpenAI-compatible upstreams offer for it; customers can use both.
    """

    id: str
    upstreams: tuple[str, ...]
    upstream_model: str
    tools: frozenset[str]
    input_modalities: tuple[str, ...]
    output_modalities: tuple[str, ...]
    context_window: int
    max_output_tokens: int
    prices: PriceList
    endpoints: tuple[str, ...] = ("responses", "chat")
    upstream_names: Mapping[str, str] = field(default_factory=dict)

    @property
    def service_tiers(self) -> tuple[str, ...]:
        """The service tiers that a request may name."""
        return tiers_on_offer(self.prices)

    def name_at(self, upstream: str) -> str:
        """The model's name at this upstream."""
        return self.upstream_names.get(upstream, self.upstream_model)


class Catalog:
    """All models by id."""

    def __init__(self, models: Iterable[Model], upstreams: Iterable[str]) -> None:
        known = set(upstreams)
        self._models: dict[str, Model] = {}
        for model in models:
            _check(model, known)
            if model.id in self._models:
                raise InvalidValue("model.id", f"The model {model.id!r} is listed twice.")
            self._models[model.id] = model

    def __iter__(self) -> Iterator[Model]:
        return iter(self._models.values())

    def __len__(self) -> int:
        return len(self._models)

    def model(self, model_id: str) -> Model:
        """The model with this id. Raises ModelNotFound."""
        try:
            return self._models[model_id]
        except KeyError:
            raise ModelNotFound(model_id) from None

    def models(self) -> tuple[Model, ...]:
        return tuple(self._models.values())


def _check(model: Model, upstreams: set[str]) -> None:
    if not model.upstreams:
        raise InvalidValue("model.upstreams", f"The model {model.id!r} has no upstream.")
    for upstream in model.upstreams:
        if upstream not in upstreams:
            raise InvalidValue("model.upstreams", f"The model {model.id!r} refers to an unknown upstream {upstream!r}.")
    for tool, entry in PRICED_TOOLS.items():
        if tool in model.tools and not _is_priced(model.prices, tool):
            raise InvalidValue(
                f"model.price.{entry}", f"The model {model.id!r} lists the tool {tool} and needs price.{entry}."
            )
    if not 0 < model.max_output_tokens <= model.context_window:
        raise InvalidValue(
            "model.max_output_tokens", f"The model {model.id!r} needs 0 < max_output_tokens <= context_window."
        )


def _is_priced(prices: PriceList, tool: str) -> bool:
    if tool == "web_search":
        return prices.web_search_call_picos is not None
    if tool == "image_generation":
        return prices.image_picos is not None
    return tool in prices.call_picos
