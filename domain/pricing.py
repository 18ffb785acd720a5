"""The cost of a request's usage, and the maximum cost of a request.

Rule 1: a price is an integer of picos (10^-12 USD) per token, per call or per image; a cost line is quantity x price, exact.
Rule 2: a debit is the sum of its lines, rounded up to a nano; the difference is a separate line, `rounding`.
Rule 3: usage without a price is refused before admission. If a token kind has no price, the price of its entry in `_FALLBACKS`
applies.
Rule 4: a generated image is priced per image if the list has such an entry, otherwise by its tokens; never by both.
Rule 5: calls of CALLED_TOOLS are charged if the list has an entry for the tool; without one, the tool is not offered.
Rule 6: tokens are priced by the service tier that the answer names if that tier has prices, otherwise by the list itself.
Rule 7: `hold_ceiling` is never below `price_usage` for usage within the given bounds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from domain.decimals import format_scaled
from domain.demand import TOOL_CALLS_DEFAULT
from domain.errors import InvalidValue
from domain.money import PICOS_PER_NANO, ceil_picos_to_nanos, parse_price_picos
from domain.usage import CALLED_TOOLS, UNLIMITED_TOOLS, Usage

PER_MILLION_DECIMALS = 6
"""USD per million tokens with 6 decimals is a whole number of picos per token."""
PER_UNIT_DECIMALS = 12
_INPUT_KINDS = ("input", "cached_input", "cache_write", "cache_write_1h", "image_input")
_OUTPUT_KINDS = ("output", "image_output")
TOKEN_KINDS = (*_INPUT_KINDS, *_OUTPUT_KINDS)
_FALLBACKS = {
    "cached_input": "input",
    "cache_write": "input",
    "cache_write_1h": "cache_write",
    "image_input": "input",
    "image_output": "output",
}
TIERS_MAX = 8
IMAGE_PRICES_MAX = 64
SERVICE_TIERS_MAX = 8
LIST_ITSELF = ("auto", "default")
"""Service tiers that have no separate prices: `default` uses the list itself, and `auto` leaves the choice to the upstream."""
_SERVICE_TIER = re.compile(r"[a-z][a-z0-9_-]{0,31}", re.ASCII)


class CostLine(msgspec.Struct, frozen=True, gc=False):
    """`amount_picos` is `quantity` units of `kind` at `unit_picos` each. The rounding line has quantity 1."""

    kind: str
    quantity: int
    unit_picos: int
    amount_picos: int


class Cost(msgspec.Struct, frozen=True, gc=False):
    """The lines of a charge, including rounding; they sum to exactly `amount_nanos` x 1000 picos."""

    amount_nanos: int
    lines: tuple[CostLine, ...]


class TokenPrices(msgspec.Struct, frozen=True, gc=False):
    """Picos per token for every kind. Applies if there are more than `above_input_tokens` input tokens."""

    above_input_tokens: int
    by_kind: dict[str, int]

    def dearest(self, kinds: Iterable[str]) -> int:
        return max(self.by_kind[kind] for kind in kinds)


class PriceList(msgspec.Struct, frozen=True, gc=False):
    """The prices of one model. `tiers` is sorted by threshold, the first at -1 (always). None: not sold.

    `call_picos` is by tool, `service_tiers` by name: each service tier has its own `tiers` and shares all other prices.
    """

    tiers: tuple[TokenPrices, ...]
    web_search_call_picos: int | None
    image_picos: dict[str, int] | None
    call_picos: dict[str, int]
    service_tiers: dict[str, tuple[TokenPrices, ...]]

    @property
    def kinds(self) -> tuple[str, ...]:
        """The token kinds that are charged."""
        return (*_INPUT_KINDS, *self.output_kinds)

    @property
    def output_kinds(self) -> tuple[str, ...]:
        """The output token kinds that are charged. Image tokens are not charged if images have their own price."""
        return _OUTPUT_KINDS if self.image_picos is None else ("output",)

    def tokens_at(self, input_tokens: int, service_tier: str | None = None) -> TokenPrices:
        """The prices of a whole request with this many input tokens, in the service tier named by its answer."""
        tiers = self.service_tiers.get(service_tier or "", self.tiers)
        return next(tier for tier in reversed(tiers) if input_tokens > tier.above_input_tokens)

    def image_unit_picos(self, quality: str, size: str) -> int:
        """The price of one image: its own entry, else the flat price, else the highest price in the table."""
        table = self.image_picos or {}
        own = table.get(f"{quality}/{size}", table.get("*"))
        return max(table.values(), default=0) if own is None else own


def parse_prices(table: Mapping[str, Any]) -> PriceList:
    """A validated PriceList from decimal strings, as in the configuration and in PriceListed. Raises InvalidValue."""
    known = {*TOKEN_KINDS, "web_search_call", "image", "calls", "above", "tier"}
    for name in table:
        if name not in known:
            raise InvalidValue(
                f"price.{name}", f"price.{name} is not a known price. Known: {', '.join(sorted(known))}."
            )
    tiers = _tiers(table, {}, "price")
    return PriceList(
        tiers=tiers,
        web_search_call_picos=_unit_picos(table.get("web_search_call"), "price.web_search_call"),
        image_picos=_image_picos(table.get("image")),
        call_picos=_call_picos(table.get("calls", {})),
        service_tiers=_service_tiers(table.get("tier", ()), tiers[0]),
    )


def price_table(prices: PriceList) -> dict[str, Any]:
    """The canonical table of a price list, with every kind explicit: equal lists give equal tables."""
    table = _tiers_table(prices.tiers)
    if prices.web_search_call_picos is not None:
        table["web_search_call"] = format_scaled(prices.web_search_call_picos, PER_UNIT_DECIMALS)
    if prices.image_picos is not None:
        table["image"] = {key: format_scaled(value, PER_UNIT_DECIMALS) for key, value in prices.image_picos.items()}
    if prices.call_picos:
        table["calls"] = {tool: format_scaled(picos, PER_UNIT_DECIMALS) for tool, picos in prices.call_picos.items()}
    if prices.service_tiers:
        table["tier"] = [{"name": name, **_tiers_table(tiers)} for name, tiers in prices.service_tiers.items()]
    return table


def tier_is_priced(prices: PriceList, name: str | None) -> bool:
    """Whether a request may use this service tier: one with its own prices, or one that the list itself prices."""
    return name is None or name in LIST_ITSELF or name in prices.service_tiers


def tiers_on_offer(prices: PriceList) -> tuple[str, ...]:
    """The service tiers that a request may use."""
    return (*LIST_ITSELF, *prices.service_tiers)


def price_usage(prices: PriceList, usage: Usage) -> Cost:
    """The cost of the usage, line by line, then the rounding line if there is a remainder."""
    by_kind = prices.tokens_at(usage.input_tokens, usage.service_tier).by_kind
    lines = [_line(kind, quantity, by_kind[kind]) for kind in prices.kinds if (quantity := getattr(usage, kind))]
    if usage.web_search_calls:
        lines.append(_line("web_search_call", usage.web_search_calls, prices.web_search_call_picos or 0))
    lines.extend(
        _line(f"image:{image.quality}/{image.size}", image.count, prices.image_unit_picos(image.quality, image.size))
        for image in usage.images
    )
    lines.extend(
        _line(f"call:{call.tool}", call.count, prices.call_picos[call.tool])
        for call in usage.calls
        if call.tool in prices.call_picos
    )
    total_picos = sum(line.amount_picos for line in lines)
    amount_nanos = ceil_picos_to_nanos(total_picos)
    remainder = amount_nanos * PICOS_PER_NANO - total_picos
    if remainder:
        lines.append(CostLine("rounding", 1, remainder, remainder))
    return Cost(amount_nanos, tuple(lines))


class Bounds(msgspec.Struct, frozen=True, gc=False):
    """The maximum usage of one request: input tokens, output tokens per choice, choices, calls of priced tools.

    `tool_calls` limits the total calls of all priced tools except UNLIMITED_TOOLS; `web_search`, `images` and `calls` are the tools
    that may be called.
    `service_tier` is the one requested: None and "auto" leave the choice to the upstream.
    """

    input_tokens: int
    output_tokens: int
    choices: int = 1
    tool_calls: int = 0
    web_search: bool = False
    images: bool = False
    calls: tuple[str, ...] = ()
    service_tier: str | None = None

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.choices * self.output_tokens


def hold_ceiling(prices: PriceList, bounds: Bounds) -> int:
    """The maximum cost of usage within `bounds`, in nanos. An upstream may decline a tier and answer in the default tier."""
    reachable = [
        tier
        for tiers in (prices.tiers, *_other_tiers(prices, bounds.service_tier))
        for tier in tiers
        if bounds.input_tokens > tier.above_input_tokens
    ]
    total_picos = (
        bounds.input_tokens * max(tier.dearest(_INPUT_KINDS) for tier in reachable)
        + bounds.choices * bounds.output_tokens * max(tier.dearest(prices.output_kinds) for tier in reachable)
        + _calls_ceiling(prices, bounds)
    )
    return ceil_picos_to_nanos(total_picos)


def _calls_ceiling(prices: PriceList, bounds: Bounds) -> int:
    """In picos. A client's low max_tool_calls does not lower the part for tools that it does not limit."""
    limited = max(
        (prices.web_search_call_picos or 0) if bounds.web_search else 0,
        max((prices.image_picos or {}).values(), default=0) if bounds.images else 0,
        *(prices.call_picos.get(tool, 0) for tool in bounds.calls if tool not in UNLIMITED_TOOLS),
    )
    unlimited = max((prices.call_picos.get(tool, 0) for tool in bounds.calls if tool in UNLIMITED_TOOLS), default=0)
    unlimited_calls = max(bounds.tool_calls, TOOL_CALLS_DEFAULT) if bounds.tool_calls else 0
    return bounds.tool_calls * limited + unlimited_calls * unlimited


def _other_tiers(prices: PriceList, service_tier: str | None) -> Iterable[tuple[TokenPrices, ...]]:
    """The service tiers in which the answer may come, apart from the default one."""
    if service_tier is None or service_tier == "auto":
        return prices.service_tiers.values()
    return [prices.service_tiers[service_tier]] if service_tier in prices.service_tiers else []


def _line(kind: str, quantity: int, unit_picos: int) -> CostLine:
    return CostLine(kind, quantity, unit_picos, quantity * unit_picos)


def _tiers(table: Mapping[str, Any], base: Mapping[str, int], field: str) -> tuple[TokenPrices, ...]:
    """The token prices of a table and of its `above`, sorted by threshold. Missing prices come from `base`."""
    first = _token_prices(-1, table, base, field)
    tiers = [first]
    for index, entry in enumerate(_tables(table.get("above", ()), f"{field}.above", TIERS_MAX)):
        where = f"{field}.above[{index}]"
        threshold = entry.get("input_tokens")
        if not isinstance(threshold, int) or isinstance(threshold, bool) or threshold < 1:
            raise InvalidValue(where, f"{where}.input_tokens must be a positive whole number.")
        if unknown := set(entry) - {*TOKEN_KINDS, "input_tokens"}:
            raise InvalidValue(where, f"{where}.{min(unknown)} is not a token price.")
        tiers.append(_token_prices(threshold, entry, first.by_kind, where))
    tiers.sort(key=lambda tier: tier.above_input_tokens)
    if len({tier.above_input_tokens for tier in tiers}) < len(tiers):
        raise InvalidValue(f"{field}.above", f"{field}.above has the same threshold twice.")
    return tuple(tiers)


def _service_tiers(given: Any, base: TokenPrices) -> dict[str, tuple[TokenPrices, ...]]:
    """Each tier has a full set of token prices, with its own `above`; missing prices come from the list."""
    found: dict[str, tuple[TokenPrices, ...]] = {}
    for index, entry in enumerate(_tables(given, "price.tier", SERVICE_TIERS_MAX)):
        field = f"price.tier[{index}]"
        name = entry.get("name")
        if not isinstance(name, str) or not _SERVICE_TIER.fullmatch(name) or name in LIST_ITSELF:
            raise InvalidValue(
                f"{field}.name", f'{field}.name must be a short word such as "flex", not auto or default.'
            )
        if name in found:
            raise InvalidValue(f"{field}.name", f"price.tier has the name {name} twice.")
        if unknown := set(entry) - {*TOKEN_KINDS, "name", "above"}:
            raise InvalidValue(field, f"{field}.{min(unknown)} is not a token price.")
        found[name] = _tiers(entry, base.by_kind, field)
    return dict(sorted(found.items()))


def _tables(given: Any, field: str, count_max: int) -> Iterable[Mapping[str, Any]]:
    if not isinstance(given, list | tuple):
        raise InvalidValue(field, f"{field} must be a list of tables.")
    if len(given) > count_max:
        raise InvalidValue(field, f"{field} has more than {count_max} tables.")
    for index, entry in enumerate(given):
        if not isinstance(entry, Mapping):
            raise InvalidValue(f"{field}[{index}]", f"{field}[{index}] must be a table.")
        yield entry


def _token_prices(above: int, table: Mapping[str, Any], base: Mapping[str, int], field: str) -> TokenPrices:
    given = {kind: _per_million(table[kind], f"{field}.{kind}") for kind in TOKEN_KINDS if kind in table}
    by_kind: dict[str, int] = {}
    for kind in ("input", "output", *_FALLBACKS):
        if kind in given:
            by_kind[kind] = given[kind]
        elif kind in base:
            by_kind[kind] = base[kind]
        elif kind in _FALLBACKS:
            by_kind[kind] = by_kind[_FALLBACKS[kind]]
        else:
            raise InvalidValue(f"{field}.{kind}", f"{field}.{kind} is missing: give USD per million tokens.")
    return TokenPrices(above, {kind: by_kind[kind] for kind in TOKEN_KINDS})


def _tiers_table(tiers: tuple[TokenPrices, ...]) -> dict[str, Any]:
    base, *above = tiers
    table: dict[str, Any] = _token_table(base)
    if above:
        table["above"] = [{"input_tokens": tier.above_input_tokens, **_token_table(tier)} for tier in above]
    return table


def _token_table(tier: TokenPrices) -> dict[str, str]:
    return {kind: format_scaled(picos, PER_MILLION_DECIMALS) for kind, picos in tier.by_kind.items()}


def _call_picos(calls: Any) -> dict[str, int]:
    if not isinstance(calls, Mapping):
        raise InvalidValue("price.calls", "price.calls must be a table.")
    for tool in calls:
        if tool not in CALLED_TOOLS:
            raise InvalidValue(
                f"price.calls.{tool}",
                f"price.calls.{tool} is not a tool with a price per call. Known: {', '.join(CALLED_TOOLS)}.",
            )
    return {tool: _required_unit_picos(calls[tool], f"price.calls.{tool}") for tool in CALLED_TOOLS if tool in calls}


def _image_picos(image: Any) -> dict[str, int] | None:
    if image is None:
        return None
    table = image if isinstance(image, Mapping) else {"*": image}
    if not 0 < len(table) <= IMAGE_PRICES_MAX:
        raise InvalidValue("price.image", f"price.image needs 1 to {IMAGE_PRICES_MAX} entries.")
    picos = {str(key): _required_unit_picos(value, f"price.image.{key}") for key, value in table.items()}
    return dict(sorted(picos.items()))


def _per_million(value: Any, field: str) -> int:
    return parse_price_picos(_text(value, field), decimals=PER_MILLION_DECIMALS, field=field)


def _unit_picos(value: Any, field: str) -> int | None:
    return None if value is None else _required_unit_picos(value, field)


def _required_unit_picos(value: Any, field: str) -> int:
    return parse_price_picos(_text(value, field), decimals=PER_UNIT_DECIMALS, field=field)


def _text(value: Any, field: str) -> str:
    if not isinstance(value, str):
        raise InvalidValue(field, f'{field} must be a decimal string such as "0.25".')
    return value
