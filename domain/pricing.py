"""What a use costs, and what it can cost at most.

Rule 1: a price is an integer of picos (10^-12 USD) per token, per call or per image; a cost line is quantity x price, exact.
Rule 2: a debit is the ceiling of the sum of its lines to a nano; the difference is a line of its own, `rounding`.
Rule 3: every kind of use has a price, or it is refused at the door. Within tokens a missing kind falls back as `_FALLBACKS` says.
Rule 4: a made image is priced by the image where the list has an entry for that, else by its tokens; never by both.
Rule 5: `hold_ceiling` is never below `price_usage` of a use within the bounds that it was given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from domain.decimals import format_scaled
from domain.errors import InvalidValue
from domain.money import PICOS_PER_NANO, ceil_picos_to_nanos, parse_price_picos
from domain.usage import Usage

PER_MILLION_DECIMALS = 6
"""USD per million tokens with 6 decimals is a whole number of picos per token."""
PER_UNIT_DECIMALS = 12
TOKEN_KINDS = ("input", "cached_input", "cache_write", "cache_write_1h", "image_input", "output", "image_output")
_INPUT_KINDS = ("input", "cached_input", "cache_write", "cache_write_1h", "image_input")
_OUTPUT_KINDS = ("output", "image_output")
_WITHOUT_IMAGE_TOKENS = tuple(kind for kind in TOKEN_KINDS if kind != "image_output")
_FALLBACKS = {
    "cached_input": "input",
    "cache_write": "input",
    "cache_write_1h": "cache_write",
    "image_input": "input",
    "image_output": "output",
}
TIERS_MAX = 8
IMAGE_PRICES_MAX = 64


class CostLine(msgspec.Struct, frozen=True, gc=False):
    """`quantity` units of `kind` at `unit_picos` each make `amount_picos`. The rounding line has quantity 1."""

    kind: str
    quantity: int
    unit_picos: int
    amount_picos: int


class Cost(msgspec.Struct, frozen=True, gc=False):
    """The lines of a charge, rounding included; their sum is exactly `amount_nanos` x 1000 picos."""

    amount_nanos: int
    lines: tuple[CostLine, ...]


class TokenPrices(msgspec.Struct, frozen=True, gc=False):
    """Picos per token by kind, every kind filled in. Applies where input tokens are above `above_input_tokens`."""

    above_input_tokens: int
    by_kind: dict[str, int]

    @property
    def dearest_input(self) -> int:
        return max(self.by_kind[kind] for kind in _INPUT_KINDS)

    @property
    def dearest_output(self) -> int:
        return max(self.by_kind[kind] for kind in _OUTPUT_KINDS)


class PriceList(msgspec.Struct, frozen=True, gc=False):
    """The prices of one model. `tiers` is sorted by threshold, the first at -1 (always). None: no such use is sold."""

    tiers: tuple[TokenPrices, ...]
    web_search_call_picos: int | None
    image_picos: dict[str, int] | None

    def tokens_at(self, input_tokens: int) -> TokenPrices:
        """The tier that a request with so many input tokens is billed by, whole."""
        return next(tier for tier in reversed(self.tiers) if input_tokens > tier.above_input_tokens)

    def image_unit_picos(self, quality: str, size: str) -> int:
        """The price of one image: its own entry, the flat one, or the dearest where the table has neither."""
        table = self.image_picos or {}
        own = table.get(f"{quality}/{size}", table.get("*"))
        return max(table.values(), default=0) if own is None else own


def parse_prices(table: Mapping[str, Any]) -> PriceList:
    """A validated PriceList from decimal strings, as the configuration and PriceListed spell them. Raises InvalidValue."""
    known = {*TOKEN_KINDS, "web_search_call", "image", "above"}
    for name in table:
        if name not in known:
            raise InvalidValue(f"price.{name}", f"price.{name} is not a price. Known: {', '.join(sorted(known))}.")
    base = _token_prices(-1, table, {}, "price")
    above = table.get("above", ())
    if not isinstance(above, list | tuple):
        raise InvalidValue("price.above", "price.above must be a list of tables.")
    if len(above) > TIERS_MAX:
        raise InvalidValue("price.above", f"price.above has more than {TIERS_MAX} tiers.")
    return PriceList(
        tiers=(base, *_tiers(above, base)),
        web_search_call_picos=_unit_picos(table.get("web_search_call"), "price.web_search_call"),
        image_picos=_image_picos(table.get("image")),
    )


def price_table(prices: PriceList) -> dict[str, Any]:
    """The canonical table of a price list, all kinds written out: equal lists give equal tables."""
    base, *above = prices.tiers
    table: dict[str, Any] = _token_table(base)
    if prices.web_search_call_picos is not None:
        table["web_search_call"] = format_scaled(prices.web_search_call_picos, PER_UNIT_DECIMALS)
    if prices.image_picos is not None:
        table["image"] = {key: format_scaled(value, PER_UNIT_DECIMALS) for key, value in prices.image_picos.items()}
    if above:
        table["above"] = [{"input_tokens": tier.above_input_tokens, **_token_table(tier)} for tier in above]
    return table


def price_usage(prices: PriceList, usage: Usage) -> Cost:
    """The cost of a use, line by line, then the rounding line where there is a remainder."""
    by_kind = prices.tokens_at(usage.input_tokens).by_kind
    kinds = TOKEN_KINDS if prices.image_picos is None else _WITHOUT_IMAGE_TOKENS
    lines = [_line(kind, quantity, by_kind[kind]) for kind in kinds if (quantity := getattr(usage, kind))]
    if usage.web_search_calls:
        lines.append(_line("web_search_call", usage.web_search_calls, prices.web_search_call_picos or 0))
    lines.extend(
        _line(f"image:{image.quality}/{image.size}", image.count, prices.image_unit_picos(image.quality, image.size))
        for image in usage.images
    )
    total_picos = sum(line.amount_picos for line in lines)
    amount_nanos = ceil_picos_to_nanos(total_picos)
    remainder = amount_nanos * PICOS_PER_NANO - total_picos
    if remainder:
        lines.append(CostLine("rounding", 1, remainder, remainder))
    return Cost(amount_nanos, tuple(lines))


class Bounds(msgspec.Struct, frozen=True, gc=False):
    """What one request can use at most: tokens read, tokens written per choice, choices, calls of each priced tool.

    `tool_calls` bounds the calls of all priced tools together; `web_search` and `images` say which may be called.
    """

    input_tokens: int
    output_tokens: int
    choices: int = 1
    tool_calls: int = 0
    web_search: bool = False
    images: bool = False

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.choices * self.output_tokens


def hold_ceiling(prices: PriceList, bounds: Bounds) -> int:
    """Nanos that no use within `bounds` costs more than."""
    reachable = [tier for tier in prices.tiers if bounds.input_tokens > tier.above_input_tokens]
    dearest_call = max(
        (prices.web_search_call_picos or 0) if bounds.web_search else 0,
        max((prices.image_picos or {}).values(), default=0) if bounds.images else 0,
    )
    total_picos = (
        bounds.input_tokens * max(tier.dearest_input for tier in reachable)
        + bounds.choices * bounds.output_tokens * max(tier.dearest_output for tier in reachable)
        + bounds.tool_calls * dearest_call
    )
    return ceil_picos_to_nanos(total_picos)


def _line(kind: str, quantity: int, unit_picos: int) -> CostLine:
    return CostLine(kind, quantity, unit_picos, quantity * unit_picos)


def _tiers(above: Sequence[Any], base: TokenPrices) -> list[TokenPrices]:
    tiers: list[TokenPrices] = []
    for index, entry in enumerate(above):
        field = f"price.above[{index}]"
        if not isinstance(entry, Mapping):
            raise InvalidValue(field, f"{field} must be a table.")
        threshold = entry.get("input_tokens")
        if not isinstance(threshold, int) or isinstance(threshold, bool) or threshold < 1:
            raise InvalidValue(field, f"{field}.input_tokens must be a positive whole number.")
        if unknown := set(entry) - {*TOKEN_KINDS, "input_tokens"}:
            raise InvalidValue(field, f"{field}.{min(unknown)} is not a token price.")
        tiers.append(_token_prices(threshold, entry, base.by_kind, field))
    tiers.sort(key=lambda tier: tier.above_input_tokens)
    if len({tier.above_input_tokens for tier in tiers}) < len(tiers):
        raise InvalidValue("price.above", "price.above names one threshold twice.")
    return tiers


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


def _token_table(tier: TokenPrices) -> dict[str, Any]:
    return {kind: format_scaled(picos, PER_MILLION_DECIMALS) for kind, picos in tier.by_kind.items()}


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
