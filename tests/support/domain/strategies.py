"""What Hypothesis draws for the domain: ids, prices, uses within bounds, events."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from domain.account import NEGATIVE_BALANCE, OPERATOR
from domain.currency import AMOUNT_MINOR_MAX
from domain.events import (
    AccountFrozen,
    AccountOpened,
    AccountUnfrozen,
    AdjustmentPosted,
    CheckoutCompleted,
    CheckoutExpired,
    CheckoutFailed,
    CheckoutStarted,
    Event,
    FileDeleted,
    FileUploaded,
    FundsReinstated,
    FundsWithdrawn,
    KeyCreated,
    KeyLimits,
    KeyLimitsChanged,
    KeyRevoked,
    PriceListed,
    RefundFailed,
    RefundPosted,
    RequestAdmitted,
    RequestDebited,
    RequestReleased,
    Tax,
    TopUpSettled,
)
from domain.money import AMOUNT_NANOS_MAX
from domain.payment import settled_by
from domain.pricing import TOKEN_KINDS, Bounds, Cost, PriceList, parse_prices, price_table, price_usage
from domain.request import AnswerSource, Hold, debit, release
from domain.usage import CALLED_TOOLS, CallCount, ImageCount, Usage

INSTANT_MICROS_MAX = 253_402_300_799_999_999
"""The last microsecond of the year 9999."""

instants = st.integers(0, INSTANT_MICROS_MAX)
identifiers = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
texts = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=40)
amounts = st.integers(1, AMOUNT_NANOS_MAX)
counts = st.integers(0, 2_000_000)
qualities = st.sampled_from(["low", "medium", "high", "auto"])
sizes = st.sampled_from(["1024x1024", "1536x1024", "auto"])
service_tiers = st.sampled_from(["flex", "priority", "scale", "default", "auto"])


def decimals(whole_max: int, places: int) -> st.SearchStrategy[str]:
    """Decimal texts with up to `places` decimals, trailing zeros and all."""
    wholes = st.integers(0, whole_max).map(str)
    fractions = st.text("0123456789", min_size=1, max_size=places)
    return st.one_of(wholes, st.builds(lambda whole, fraction: f"{whole}.{fraction}", wholes, fractions))


per_million = decimals(5_000, 6)
per_unit = decimals(10, 12)
_tokens: dict[str, st.SearchStrategy[Any]] = dict.fromkeys(TOKEN_KINDS, per_million)
_required = ("input", "output")


def _above(tiers: dict[int, dict[str, str]]) -> list[dict[str, Any]]:
    return [{"input_tokens": threshold, **prices} for threshold, prices in tiers.items()]


_thresholds = st.dictionaries(st.integers(1, 1_000_000), st.fixed_dictionaries({}, optional=_tokens), max_size=4).map(
    _above
)


def _named(tiers: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": name, **prices} for name, prices in tiers.items()]


price_tables: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    dict.fromkeys(_required, per_million),
    optional={
        **{kind: prices for kind, prices in _tokens.items() if kind not in _required},
        "web_search_call": per_unit,
        "image": st.one_of(
            per_unit,
            st.dictionaries(
                st.one_of(st.just("*"), st.builds(lambda quality, size: f"{quality}/{size}", qualities, sizes)),
                per_unit,
                min_size=1,
                max_size=4,
            ),
        ),
        "calls": st.dictionaries(st.sampled_from(CALLED_TOOLS), per_unit),
        "above": _thresholds,
        "tier": st.dictionaries(
            st.sampled_from(["flex", "priority", "scale"]),
            st.fixed_dictionaries({}, optional={**_tokens, "above": _thresholds}),
            max_size=3,
        ).map(_named),
    },
)
price_lists: st.SearchStrategy[PriceList] = price_tables.map(parse_prices)
bounds: st.SearchStrategy[Bounds] = st.builds(
    Bounds,
    input_tokens=counts,
    output_tokens=counts,
    choices=st.integers(1, 8),
    tool_calls=st.integers(0, 100),
    web_search=st.booleans(),
    images=st.booleans(),
    calls=st.sets(st.sampled_from(CALLED_TOOLS)).map(sorted).map(tuple),
    service_tier=st.none() | service_tiers,
)


@st.composite
def uses(draw: st.DrawFn, within: Bounds | None = None) -> Usage:
    """A use that `within` allows, whatever mix of kinds, tools and images it is."""
    within = within or draw(bounds)
    read = _shares(draw, within.input_tokens, 5)
    written = _shares(draw, within.choices * within.output_tokens, 2)
    calls = draw(st.integers(0, within.tool_calls))
    searches = draw(st.integers(0, calls if within.web_search else 0))
    images = draw(_images(calls - searches)) if within.images else ()
    others = draw(st.integers(0, calls - searches - sum(image.count for image in images))) if within.calls else 0
    return Usage(
        input=read[0],
        cached_input=read[1],
        cache_write=read[2],
        cache_write_1h=read[3],
        image_input=read[4],
        output=written[0],
        reasoning=draw(st.integers(0, written[0])),
        image_output=written[1],
        web_search_calls=searches,
        images=images,
        estimated=draw(st.booleans()),
        service_tier=draw(_answered(within.service_tier)),
        calls=(CallCount(draw(st.sampled_from(within.calls)), others),) if others else (),
    )


def _answered(asked: str | None) -> st.SearchStrategy[str | None]:
    """The tiers that an answer may name: the one that was asked for or the default one; any where it was left open."""
    return st.none() | (service_tiers if asked in (None, "auto") else st.sampled_from([asked or "", "default"]))


def _shares(draw: st.DrawFn, limit: int, parts: int) -> list[int]:
    """Whole numbers whose sum is at most `limit`; the limit itself is drawn often."""
    total = draw(st.one_of(st.just(limit), st.integers(0, limit)))
    shares: list[int] = []
    for _ in range(parts - 1):
        share = draw(st.one_of(st.just(0), st.integers(0, total)))
        shares.append(share)
        total -= share
    return [*shares, total]


@st.composite
def _images(draw: st.DrawFn, count_max: int) -> tuple[ImageCount, ...]:
    images: list[ImageCount] = []
    while count_max and draw(st.booleans()):
        count = draw(st.integers(1, count_max))
        images.append(ImageCount(draw(qualities), draw(sizes), count))
        count_max -= count
    return tuple(images)


limits: st.SearchStrategy[KeyLimits] = st.builds(
    KeyLimits,
    models=st.none() | st.lists(texts, min_size=1, max_size=3).map(tuple),
    expires_at_micros=st.none() | st.integers(1, INSTANT_MICROS_MAX),
    budget_nanos_per_month=st.none() | amounts,
    requests_per_minute=st.none() | st.integers(1, 10**6),
    tokens_per_minute=st.none() | st.integers(1, 10**9),
    concurrency=st.none() | st.integers(1, 10**4),
)
admissions: st.SearchStrategy[RequestAdmitted] = st.builds(
    RequestAdmitted,
    request_id=identifiers,
    account_id=identifiers,
    key_id=identifiers,
    model=texts,
    endpoint=st.sampled_from(["responses", "chat.completions"]),
    price_version=st.integers(1, 100),
    hold_nanos=st.integers(0, AMOUNT_NANOS_MAX),
    reserved_tokens=counts,
    instance_id=identifiers,
    deadline_at_micros=instants,
)
holds: st.SearchStrategy[Hold] = st.builds(Hold, admitted=admissions, recorded_at_micros=instants)
reasons = st.sampled_from(["cancelled", "upstream_failed", "deadline", "shutdown", "orphaned"])


@st.composite
def debits(draw: st.DrawFn, hold: Hold | None = None) -> RequestDebited:
    return debit(
        hold or draw(holds),
        prices=draw(price_lists),
        usage=draw(uses()),
        source=AnswerSource(draw(texts), draw(st.none() | texts), draw(st.none() | texts)),
        finish=draw(st.sampled_from(["stop", "length", "tool_calls"])),
        outcome=draw(st.sampled_from(["completed", "cancelled"])),
    )


@st.composite
def releases(draw: st.DrawFn, hold: Hold | None = None) -> RequestReleased:
    return release(
        hold or draw(holds),
        reason=draw(reasons),
        upstream=draw(st.none() | texts),
        delivered=draw(st.none() | uses()),
        prices=draw(st.none() | price_lists),
    )


adjustments: st.SearchStrategy[AdjustmentPosted] = st.builds(
    AdjustmentPosted,
    account_id=identifiers,
    adjustment_id=identifiers,
    kind=st.sampled_from(["grant", "correction"]),
    amount_nanos=st.integers(-AMOUNT_NANOS_MAX, AMOUNT_NANOS_MAX),
    reason=texts,
    reference=st.none() | texts,
)
uploads: st.SearchStrategy[FileUploaded] = st.builds(
    FileUploaded,
    file_id=identifiers,
    account_id=identifiers,
    key_id=identifiers,
    sha256=texts,
    bytes=st.integers(1, 25 * 2**20),
    pages=st.none() | st.integers(1, 10_000),
    media_type=st.just("application/pdf"),
    purpose=st.just("user_data"),
    expires_after_seconds=st.none() | st.integers(3600, 2_592_000),
)
deletions: st.SearchStrategy[FileDeleted] = st.builds(
    FileDeleted,
    file_id=identifiers,
    account_id=identifiers,
    bytes=st.integers(1, 25 * 2**20),
    reason=st.sampled_from(["deleted", "expired"]),
)
causes = st.sampled_from([OPERATOR, NEGATIVE_BALANCE])
currencies = st.sampled_from(["usd", "eur", "jpy", "kwd"])
minors = st.integers(1, AMOUNT_MINOR_MAX)
checkouts: st.SearchStrategy[CheckoutStarted] = st.builds(
    CheckoutStarted,
    checkout_id=identifiers,
    account_id=identifiers,
    pack_id=identifiers,
    amount_minor=minors,
    currency=currencies,
    credit_nanos=amounts,
    automatic=st.booleans(),
)
taxes: st.SearchStrategy[Tax | None] = st.none() | st.builds(
    Tax,
    country=st.none() | st.sampled_from(["DE", "US"]),
    treatment=st.sampled_from(["taxed", "zero", "exempt", "reverse_charge", "unknown"]),
    amount_minor=st.none() | minors,
)
top_ups: st.SearchStrategy[TopUpSettled] = st.builds(settled_by, checkouts, identifiers, taxes)
_returns: dict[str, st.SearchStrategy[Any]] = {
    "payment_id": identifiers,
    "account_id": identifiers,
    "amount_minor": minors,
    "currency": currencies,
    "credit_nanos": amounts,
}
EACH_EVENT: tuple[st.SearchStrategy[Event], ...] = (
    st.builds(AccountOpened, account_id=identifiers, name=texts),
    st.builds(
        KeyCreated, account_id=identifiers, key_id=identifiers, name=texts, digest=texts, hint=texts, limits=limits
    ),
    st.builds(KeyLimitsChanged, account_id=identifiers, key_id=identifiers, limits=limits),
    st.builds(KeyRevoked, account_id=identifiers, key_id=identifiers),
    adjustments,
    st.builds(AccountFrozen, account_id=identifiers, reason=texts, cause=causes),
    st.builds(AccountUnfrozen, account_id=identifiers, reason=texts, cause=causes),
    admissions,
    debits(),
    releases(),
    st.builds(PriceListed, model=texts, prices=price_lists.map(price_table)),
    uploads,
    deletions,
    checkouts,
    st.builds(CheckoutCompleted, checkout_id=identifiers, account_id=identifiers, payment_id=identifiers),
    st.builds(CheckoutExpired, checkout_id=identifiers, account_id=identifiers),
    st.builds(
        CheckoutFailed,
        checkout_id=identifiers,
        account_id=identifiers,
        reason=texts,
        automatic_nanos=st.just(0) | amounts,
        started_at_micros=instants,
    ),
    top_ups,
    st.builds(RefundPosted, refund_id=identifiers, **_returns),
    st.builds(RefundFailed, refund_id=identifiers, **_returns),
    st.builds(FundsWithdrawn, dispute_id=identifiers, **_returns),
    st.builds(FundsReinstated, dispute_id=identifiers, **_returns),
)
"""One strategy for each event of the registry."""
events = st.one_of(EACH_EVENT)


def sum_of_lines_picos(cost: Cost) -> int:
    return sum(line.amount_picos for line in cost.lines)


def cost_nanos(prices: PriceList, usage: Usage) -> int:
    return price_usage(prices, usage).amount_nanos
