"""Prepares one request for each upstream of its model: the protocol, the body to send, and a relay for the answer.

Rule 1: an upstream that cannot carry the request, or that accepts no body of its size, is skipped. If no upstream is left, the
        client gets the refusal of the first one.
Rule 2: every body is written from the bounds that the hold is computed from: the output limit, the choices, the tool calls, the
        service tier.
Rule 3: the first body is written at once, before money moves; the bodies for the other upstreams are written only when their turn
        comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial

import msgspec

from app.wire.cache_control import without_cache_control
from app.wire.canonical import CanonicalRequest, Target
from app.wire.dialects import (
    REQUEST_READERS,
    REQUEST_WRITERS,
    Dialect,
    canonical_for,
    dialect_for,
    other_form_relay,
    passthrough_body,
    passthrough_relay,
    translation_relay,
)
from app.wire.exchange import ParsedRequest, Relay, RequestError
from app.wire.file_ref import StoredFile
from app.wire.rewrite import rewrite_conversation
from app.wire.splice import Members
from domain.catalog import Model
from domain.pricing import Bounds

_CONTENT = ("input", "messages")


@dataclass(frozen=True, slots=True)
class Offer:
    """The properties of an upstream that matter for requests: its protocol, its largest body, whether it fetches URLs."""

    protocol: str
    request_bytes_max: int
    fetches_urls: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    """An upstream, and the request as sent there.

    - `model`: its name for the model.
    - `relay`: makes a new relay for each try; `other_form` makes one for a body instead of a stream, or the reverse.
    """

    upstream: str
    dialect: Dialect
    model: str
    body: bytes
    relay: Callable[[], Relay]
    other_form: Callable[[], Relay]


class Attempts:
    """The upstreams of a request, in order. Creating it raises RequestError if none of them can carry the request."""

    def __init__(
        self,
        request: ParsedRequest,
        model: Model,
        offers: Mapping[str, Offer],
        stored: Mapping[str, StoredFile],
        bounds: Bounds,
        *,
        seed: str,
        created: int,
    ) -> None:
        """`bounds`: what the hold covers. `seed`: 32 hex digits, unique to the request, from which translated answers make ids.
        `created`: seconds since 1970.
        """
        maker = _Maker(request, model, offers, stored, bounds, seed, created)
        names = iter(model.upstreams)
        refusals: list[RequestError] = []
        for name in names:
            try:
                self.first = maker.attempt(name)
                break
            except RequestError as error:
                refusals.append(error)
        else:
            raise refusals[0]
        self._others = [partial(maker.attempt, name) for name in names]

    def __iter__(self) -> Iterator[Attempt]:
        yield self.first
        for make in self._others:
            try:
                attempt = make()
            except RequestError:
                continue
            yield attempt


@dataclass
class _Maker:
    """The parts that the attempts of one request have in common."""

    request: ParsedRequest
    model: Model
    offers: Mapping[str, Offer]
    stored: Mapping[str, StoredFile]
    bounds: Bounds
    seed: str
    created: int

    def attempt(self, name: str) -> Attempt:
        """Raises RequestError if this upstream cannot carry the request."""
        offer, request = self.offers[name], self.request
        dialect = dialect_for(request.endpoint, offer.protocol, self.model.endpoints)
        target = self._target(name, offer)
        made = self._passed(target) if dialect == request.endpoint else self._translated(dialect, target)
        if len(made.body) > offer.request_bytes_max:
            raise _too_large(len(made.body), offer.request_bytes_max)
        return made

    def _target(self, name: str, offer: Offer) -> Target:
        bounds = self.bounds
        return Target(
            upstream=name,
            model=self.model.name_at(name),
            max_output_tokens=bounds.output_tokens,
            max_tool_calls=bounds.tool_calls or None,
            fetches_urls=offer.fetches_urls,
            is_openai=offer.protocol != "openai-chat",
            max_input_tokens=bounds.input_tokens,
            choices=bounds.choices,
            searches=bounds.web_search,
        )

    def _passed(self, target: Target) -> Attempt:
        request = self.request
        if request.addresses and not target.fetches_urls:
            raise RequestError(
                f"Invalid '{request.addresses[0]}': the model's provider does not fetch URLs. Send the content inline.",
                param=request.addresses[0],
                code="unsupported_parameter",
            )
        fields = rewrite_conversation(request.fields, self.stored, target.upstream)
        if target.is_openai:
            fields = without_cache_control(fields)
        body = passthrough_body(replace(request, fields=fields), target)
        bare = replace(request, fields={}, inline_files=())  # a relay must not keep the client's body alive
        relay = partial(passthrough_relay, bare, model=self.model.id, upstream=target.upstream)
        # An answer in the other form is written by the gateway, for which the shape of the request is enough.
        shape = CanonicalRequest(
            request.endpoint, self.model.id, (), stream=request.stream, choices=request.demand.choices
        )
        other_form = self._relay(other_form_relay, shape, request.endpoint, target)
        return Attempt(target.upstream, request.endpoint, target.model, body, relay, other_form)

    def _translated(self, dialect: Dialect, target: Target) -> Attempt:
        omits = self.request.omits_cached_search
        canonical = canonical_for(self.canonical, dialect, omits_cached_search=omits)
        body = REQUEST_WRITERS[dialect](canonical, target)
        relay, other_form = (
            self._relay(make, canonical, dialect, target) for make in (translation_relay, other_form_relay)
        )
        return Attempt(target.upstream, dialect, target.model, body, relay, other_form)

    def _relay(
        self, make: Callable[..., Relay], canonical: CanonicalRequest, dialect: Dialect, target: Target
    ) -> Callable[[], Relay]:
        """Makes relays that read `dialect` and write the client's protocol."""
        return partial(
            make,
            canonical,
            dialect,
            target,
            model=self.model.id,
            seed=self.seed,
            created=self.created,
            fields=self.echoed,
        )

    @cached_property
    def canonical(self) -> CanonicalRequest:
        read = REQUEST_READERS[self.request.endpoint](self.request.fields, self.stored)
        return msgspec.structs.replace(read, choices=self.bounds.choices, service_tier=self.bounds.service_tier)

    @cached_property
    def echoed(self) -> Members:
        """The members that an answer repeats, copied so that they do not keep the client's body alive."""
        return {name: raw.copy() for name, raw in self.request.fields.items() if name not in _CONTENT}


def _too_large(size: int, limit: int) -> RequestError:
    return RequestError(
        f"The request is {size} bytes including its files. The model's provider accepts at most {limit} bytes. Send less.",
        code="request_too_large",
        status=413,
    )
