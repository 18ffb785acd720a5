"""Requests: the maximum cost of each, its admission, and its one settlement.

Rule 1: an admission is followed by exactly one debit or release. Both name the hold and the windows to which they return it.
Rule 2: admissions are guarded. So is the release of a cancelled answer: if its guard refuses it, the delivered part is debited.
Rule 3: a debit charges the full cost, even if it exceeds the hold. The part above the hold is recorded as its overrun.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from domain import buckets
from domain.buckets import Guard
from domain.catalog import Model
from domain.demand import TOOL_CALLS_DEFAULT, Demand
from domain.errors import (
    AccountIsFrozen,
    DomainError,
    InsufficientQuota,
    KeyIsExpired,
    KeyIsRevoked,
    ModelNotAllowed,
    RateLimited,
)
from domain.events import KeyLimits, RequestAdmitted, RequestDebited, RequestReleased
from domain.pricing import Bounds, PriceList, hold_ceiling, price_usage
from domain.usage import CALLED_TOOLS, Usage

IMAGE_TOKENS_MAX = 12_000
"""More than documented vendors count for one input image, except for the models in IMAGE_TOKENS_OF_MODELS."""
IMAGE_TOKENS_OF_MODELS = {"gpt-4o-mini": 50_000}
"""By a prefix of the upstream's model name. For this model, OpenAI counts 2,833 tokens, and 5,667 for each of up to eight tiles."""
ADDED_TOKENS_MAX = 512
"""Tokens that a vendor or server adds to a conversation: its template's markers, a default system prompt, a date."""
ADDED_TOKENS_WITH_TOOLS_MAX = 1_536
"""The same with tools, or with a given form of the output: Anthropic documents 264 to 530 tokens of instructions for tools."""
TOKENS_PER_PAGE_MAX = 8_000
"""More than documented vendors count for one page of a PDF, its text and its image. Anthropic: at most 3,000 tokens of text and
4,784 of image. OpenAI: text and image too, the image at most 3,779. Gemini: 1,120 for both."""
_READING_TOOLS = frozenset({"web_search", "image_generation", "code_interpreter", "mcp", "tool_search"})
"""Tools that the upstream runs itself: the model reads their results within the same answer."""
_COUNTED_TOOLS = tuple(tool for tool in CALLED_TOOLS if tool != "namespace")


class Payer(Protocol):
    """The key that a request runs under, and the account that pays for it."""

    @property
    def account_id(self) -> str: ...

    @property
    def key_id(self) -> str: ...

    @property
    def limits(self) -> KeyLimits: ...


@dataclass(frozen=True, slots=True)
class Quote:
    """The most that a request can use of a model, and the version of the prices at which it is charged."""

    model: Model
    price_version: int
    bounds: Bounds


@dataclass(frozen=True, slots=True)
class Hold:
    """An admission in the ledger: the event, and the instant at which the store recorded it."""

    admitted: RequestAdmitted
    recorded_at_micros: int


@dataclass(frozen=True, slots=True)
class AnswerSource:
    """Which upstream gave an answer, and the upstream's own ids of the request and of the response, if it sent any."""

    upstream: str
    upstream_request_id: str | None = None
    response_id: str | None = None


def bounds_of(model: Model, demand: Demand) -> Bounds:
    """The most that a request can use. A token is at least one byte of text, so text has at most as many tokens as bytes.

    A file with an unknown number of pages, or a tool that the upstream runs, may fill the context window. The bound on the input is
    then the whole window. If the vendor may compact the conversation, it is two windows: one to summarise it, one to answer.
    """
    tools = demand.tools
    written = model.max_output_tokens if demand.max_output_tokens is None else demand.max_output_tokens
    calls = tuple(tool for tool in _COUNTED_TOOLS if tool in tools)
    web_search, image_generation = "web_search" in tools, "image_generation" in tools
    return Bounds(
        input_tokens=_input_tokens(model, demand),
        output_tokens=min(written, model.max_output_tokens),
        choices=demand.choices,
        tool_calls=_tool_calls(demand) if web_search or image_generation or calls else 0,
        web_search=web_search,
        images=image_generation,
        calls=calls,
        service_tier=demand.service_tier,
    )


def _input_tokens(model: Model, demand: Demand) -> int:
    if demand.compacts:
        return 2 * model.context_window
    unknown = (demand.files > 0 and demand.pages is None) or not demand.tools.isdisjoint(_READING_TOOLS)
    return model.context_window if unknown else min(model.context_window, _known_tokens(model, demand))


def _known_tokens(model: Model, demand: Demand) -> int:
    """The maximum number of tokens that the model can read before it calls a tool, if all pages are known."""
    added = ADDED_TOKENS_WITH_TOOLS_MAX if demand.tools or demand.shaped else ADDED_TOKENS_MAX
    images, pages = demand.images * _image_tokens(model), (demand.pages or 0) * TOKENS_PER_PAGE_MAX
    return demand.text_bytes + added + images + pages


def _tool_calls(demand: Demand) -> int:
    """Without a limit from the client, at least one call for each choice: chat may search once per choice, without a limit."""
    return max(TOOL_CALLS_DEFAULT, demand.choices) if demand.max_tool_calls is None else demand.max_tool_calls


def _image_tokens(model: Model) -> int:
    """The most tokens that any of the model's upstreams counts for one image."""
    return max(_image_tokens_of(model.name_at(upstream)) for upstream in model.upstreams)


def _image_tokens_of(upstream_model: str) -> int:
    found = (most for name, most in IMAGE_TOKENS_OF_MODELS.items() if upstream_model.startswith(name))
    return next(found, IMAGE_TOKENS_MAX)


def check_key(limits: KeyLimits, model_id: str, now_micros: int) -> None:
    """The checks that do not need the ledger. Raises KeyIsExpired, ModelNotAllowed."""
    if limits.expires_at_micros is not None and now_micros >= limits.expires_at_micros:
        raise KeyIsExpired
    if limits.models is not None and model_id not in limits.models:
        raise ModelNotAllowed(model_id)


def admit(
    *, request_id: str, payer: Payer, quote: Quote, endpoint: str, instance_id: str, deadline_at_micros: int
) -> tuple[RequestAdmitted, tuple[Guard, ...]]:
    """The admission to append, and the guards under which the store may accept it."""
    admitted = RequestAdmitted(
        request_id=request_id,
        account_id=payer.account_id,
        key_id=payer.key_id,
        model=quote.model.id,
        endpoint=endpoint,
        price_version=quote.price_version,
        hold_nanos=hold_ceiling(quote.model.prices, quote.bounds),
        reserved_tokens=quote.bounds.tokens,
        instance_id=instance_id,
        deadline_at_micros=deadline_at_micros,
    )
    return admitted, _guards(payer.account_id, payer.key_id, payer.limits)


def refusal(admitted: RequestAdmitted, limits: KeyLimits, bucket: str, value: int, at_micros: int) -> DomainError:
    """Why the store refused the admission: `value` is the value of the guarded `bucket` before the admission."""
    kind = bucket.partition(":")[0]
    if kind == "available":
        return InsufficientQuota(admitted.hold_nanos, value)
    if kind == "frozen":
        return AccountIsFrozen()
    if kind == "revoked":
        return KeyIsRevoked()
    if kind == "spend":
        return InsufficientQuota(admitted.hold_nanos, (limits.budget_nanos_per_month or 0) - value, budget=True)
    if kind == "open":
        return RateLimited("open requests", limits.concurrency or 0, 1, (limits.concurrency or 0) - value, 1)
    if kind == "requests":
        limit, needed, what = limits.requests_per_minute or 0, 1, "requests per minute"
    else:
        limit, needed, what = limits.tokens_per_minute or 0, admitted.reserved_tokens, "tokens per minute"
    wait = buckets.seconds_left_in_minute(at_micros) if needed <= limit else None
    return RateLimited(what, limit, needed, limit - value, wait)


def debit(
    hold: Hold, *, prices: PriceList, usage: Usage, source: AnswerSource, finish: str, outcome: str = "completed"
) -> RequestDebited:
    """The charge for an answer, in full."""
    admitted = hold.admitted
    cost = price_usage(prices, usage)
    return RequestDebited(
        request_id=admitted.request_id,
        account_id=admitted.account_id,
        key_id=admitted.key_id,
        model=admitted.model,
        endpoint=admitted.endpoint,
        upstream=source.upstream,
        upstream_request_id=source.upstream_request_id,
        response_id=source.response_id,
        outcome=outcome,
        finish=finish,
        price_version=admitted.price_version,
        usage=usage,
        lines=cost.lines,
        cost_nanos=cost.amount_nanos,
        hold_nanos=admitted.hold_nanos,
        overrun_nanos=max(0, cost.amount_nanos - admitted.hold_nanos),
        reserved_tokens=admitted.reserved_tokens,
        admitted_at_micros=hold.recorded_at_micros,
    )


def release(
    hold: Hold,
    *,
    reason: str,
    upstream: str | None = None,
    delivered: Usage | None = None,
    prices: PriceList | None = None,
) -> RequestReleased:
    """Releases the hold. `delivered` is the usage that had reached the client, priced by `prices` for information only."""
    admitted = hold.admitted
    usage = delivered or Usage()
    return RequestReleased(
        request_id=admitted.request_id,
        account_id=admitted.account_id,
        key_id=admitted.key_id,
        model=admitted.model,
        endpoint=admitted.endpoint,
        upstream=upstream,
        reason=reason,
        hold_nanos=admitted.hold_nanos,
        reserved_tokens=admitted.reserved_tokens,
        admitted_at_micros=hold.recorded_at_micros,
        delivered=usage,
        delivered_nanos=price_usage(prices, usage).amount_nanos if prices else 0,
    )


def free_cancellation_guard(hold: Hold, free_limit_nanos: int) -> Guard:
    """The bound on the total value of an account's cancelled answers that are not charged in a day.

    The day is the day of the admission: the release moves that day's bucket, however late it is posted.
    """
    day = buckets.day_of(hold.recorded_at_micros)
    return Guard(f"{buckets.cancelled(hold.admitted.account_id)}:{day}", ceiling=free_limit_nanos)


def _guards(account_id: str, key_id: str, limits: KeyLimits) -> tuple[Guard, ...]:
    guards = [
        Guard(buckets.frozen(account_id), ceiling=0),
        Guard(buckets.revoked(key_id), ceiling=0),
        Guard(buckets.available(account_id), floor=0),
    ]
    if limits.budget_nanos_per_month is not None:
        guards.append(Guard(buckets.spend(key_id), "month", ceiling=limits.budget_nanos_per_month))
    if limits.requests_per_minute is not None:
        guards.append(Guard(buckets.requests(key_id), "minute", ceiling=limits.requests_per_minute))
    if limits.tokens_per_minute is not None:
        guards.append(Guard(buckets.tokens(key_id), "minute", ceiling=limits.tokens_per_minute))
    if limits.concurrency is not None:
        guards.append(Guard(buckets.open_requests(key_id), ceiling=limits.concurrency))
    return tuple(guards)
