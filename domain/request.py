"""Requests: what one can cost at most, its admission, and its one settlement.

Rule 1: an admission is followed by exactly one debit or release; both name the hold and the windows that they give back to.
Rule 2: guards stand on admissions, and on the release of a cancelled answer, whose refusal means: debit the delivered part.
Rule 3: a debit charges its full cost, whatever the hold was. The part above the hold is named in it.
"""

from __future__ import annotations

from dataclasses import dataclass

from domain import buckets
from domain.buckets import Guard
from domain.catalog import Model
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
"""Above what documented vendors count for one input image, but for the models of IMAGE_TOKENS_OF_MODELS."""
IMAGE_TOKENS_OF_MODELS = {"gpt-4o-mini": 50_000}
"""By the beginning of the upstream's name. OpenAI counts 2,833 tokens there and 5,667 for each of up to eight tiles."""
ADDED_TOKENS_MAX = 512
"""What a vendor or server adds to a conversation: the marks of its template, a default system prompt, a date."""
ADDED_TOKENS_WITH_TOOLS_MAX = 1_536
"""The same where there are tools or a form of the output: Anthropic documents 264 to 530 tokens of instructions for tools."""
TOKENS_PER_PAGE_MAX = 8_000
"""Above what documented vendors count for one page of a PDF, its text and its image: Anthropic says 3,000 tokens of text at most
and an image of 4,784 at most; OpenAI reads text and image too, the image at 3,779 at most; Gemini 1,120 for both."""
TOOL_CALLS_DEFAULT = 8
"""Calls of priced tools in one answer where the client set no max_tool_calls; it is written into the upstream request."""
TOOL_CALLS_MAX = 100
_READING_TOOLS = frozenset({"web_search", "image_generation", "code_interpreter", "mcp"})
"""Tools that the upstream runs itself: what they find is read by the model, in the same answer."""
_COUNTED_TOOLS = tuple(tool for tool in CALLED_TOOLS if tool != "namespace")


@dataclass(frozen=True, slots=True)
class Hold:
    """An admission as it stands in the ledger: the event, and the instant at which the store recorded it."""

    admitted: RequestAdmitted
    recorded_at_micros: int


def bounds_of(
    model: Model,
    *,
    text_bytes: int,
    images: int,
    files: int,
    output_tokens: int,
    choices: int,
    tool_calls: int,
    tools: frozenset[str],
    pages: int | None = None,
    service_tier: str | None = None,
    shaped: bool = False,
) -> Bounds:
    """The most that a request can use. A token is at least one byte of text; `pages` are those of all its files, None where one's
    are not known. What such a file, or a tool that the upstream runs, brings to be read is held for at the context window.
    `shaped`: whether the output has to have a form."""
    unknown = (files > 0 and pages is None) or not tools.isdisjoint(_READING_TOOLS)
    added = ADDED_TOKENS_WITH_TOOLS_MAX if tools or shaped else ADDED_TOKENS_MAX
    known = text_bytes + added + images * _image_tokens(model) + (pages or 0) * TOKENS_PER_PAGE_MAX
    calls = tuple(tool for tool in _COUNTED_TOOLS if tool in tools)
    web_search, image_generation = "web_search" in tools, "image_generation" in tools
    return Bounds(
        input_tokens=model.context_window if unknown else min(model.context_window, known),
        output_tokens=min(output_tokens, model.max_output_tokens),
        choices=choices,
        tool_calls=tool_calls if web_search or image_generation or calls else 0,
        web_search=web_search,
        images=image_generation,
        calls=calls,
        service_tier=service_tier,
    )


def _image_tokens(model: Model) -> int:
    """Of one image, wherever it is read: the most that any upstream counts."""
    return max(_image_tokens_of(model.name_at(upstream)) for upstream in model.upstreams)


def _image_tokens_of(upstream_model: str) -> int:
    found = (most for name, most in IMAGE_TOKENS_OF_MODELS.items() if upstream_model.startswith(name))
    return next(found, IMAGE_TOKENS_MAX)


def check_key(limits: KeyLimits, model_id: str, now_micros: int) -> None:
    """What can be judged without the ledger. Raises KeyIsExpired, ModelNotAllowed."""
    if limits.expires_at_micros is not None and now_micros >= limits.expires_at_micros:
        raise KeyIsExpired
    if limits.models is not None and model_id not in limits.models:
        raise ModelNotAllowed(model_id)


def admit(
    *,
    request_id: str,
    account_id: str,
    key_id: str,
    limits: KeyLimits,
    model: Model,
    price_version: int,
    endpoint: str,
    bounds: Bounds,
    instance_id: str,
    deadline_at_micros: int,
) -> tuple[RequestAdmitted, tuple[Guard, ...]]:
    """The admission to append, and the guards under which the store may take it."""
    admitted = RequestAdmitted(
        request_id=request_id,
        account_id=account_id,
        key_id=key_id,
        model=model.id,
        endpoint=endpoint,
        price_version=price_version,
        hold_nanos=hold_ceiling(model.prices, bounds),
        reserved_tokens=bounds.tokens,
        instance_id=instance_id,
        deadline_at_micros=deadline_at_micros,
    )
    return admitted, _guards(account_id, key_id, limits)


def refusal(admitted: RequestAdmitted, limits: KeyLimits, bucket: str, value: int, at_micros: int) -> DomainError:
    """Why the store refused the admission: the guarded `bucket` stood at `value` before it."""
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
    hold: Hold,
    *,
    prices: PriceList,
    usage: Usage,
    upstream: str,
    upstream_request_id: str | None,
    response_id: str | None,
    finish: str,
    outcome: str = "completed",
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
        upstream=upstream,
        upstream_request_id=upstream_request_id,
        response_id=response_id,
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
    """The hold goes back. `delivered` is what the client had received, priced by `prices` for the record."""
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
    """The bound on what an account's cancelled answers of a day may give away: the day of the admission, whose bucket the
    release moves, whenever it comes."""
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
