"""How each upstream of a model can be asked for what a client asked: its protocol, its body, the relay of its answer.

Rule 1: an upstream that cannot carry the request over, or takes no body of that size, is passed over. Where none is left, the
        client is told what the first of them said.
Rule 2: the first body is made at once, before money moves; those of the others when their turn comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial

from app.wire.canonical import CanonicalRequest, Target
from app.wire.dialects import (
    REQUEST_READERS,
    REQUEST_WRITERS,
    Dialect,
    dialect_for,
    passthrough_body,
    passthrough_relay,
    translation_relay,
)
from app.wire.exchange import ParsedRequest, Relay, RequestError
from app.wire.file_ref import StoredFile
from app.wire.rewrite import rewrite_conversation
from app.wire.splice import Members
from domain.catalog import Model

_CONTENT = ("input", "messages")


@dataclass(frozen=True, slots=True)
class Offer:
    """What one upstream is, as far as requests depend on it. Sizes in bytes."""

    protocol: str
    request_bytes_max: int
    fetches_urls: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    """One upstream, and what it is sent. `model` is its own name of the model; `relay` makes a fresh one for each try."""

    upstream: str
    dialect: Dialect
    model: str
    body: bytes
    relay: Callable[[], Relay]


class Attempts:
    """The upstreams of a request, in order. Building it raises RequestError where none can take it."""

    def __init__(
        self,
        request: ParsedRequest,
        model: Model,
        offers: Mapping[str, Offer],
        stored: Mapping[str, StoredFile],
        *,
        max_output_tokens: int,
        max_tool_calls: int | None,
        seed: str,
        created: int,
        max_input_tokens: int | None = None,
    ) -> None:
        """`seed` is 32 hex digits, unique to the request: translated answers make ids of it. `created`: seconds since 1970."""
        maker = _Maker(
            request, model, offers, stored, max_output_tokens, max_tool_calls, seed, created, max_input_tokens
        )
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
    """What the attempts of one request have in common."""

    request: ParsedRequest
    model: Model
    offers: Mapping[str, Offer]
    stored: Mapping[str, StoredFile]
    max_output_tokens: int
    max_tool_calls: int | None
    seed: str
    created: int
    max_input_tokens: int | None

    def attempt(self, name: str) -> Attempt:
        """Raises RequestError where this upstream cannot be asked."""
        offer, request = self.offers[name], self.request
        dialect = dialect_for(request.endpoint, offer.protocol, self.model.endpoints)
        target = Target(
            upstream=name,
            model=self.model.name_at(name),
            max_output_tokens=self.max_output_tokens,
            max_tool_calls=self.max_tool_calls,
            fetches_urls=offer.fetches_urls,
            is_openai=offer.protocol != "openai-chat",
            max_input_tokens=self.max_input_tokens,
        )
        if dialect == request.endpoint:
            body, relay = self._passed(target)
        else:
            body, relay = self._translated(dialect, target)
        if len(body) > offer.request_bytes_max:
            raise _too_large(len(body), offer.request_bytes_max)
        return Attempt(name, dialect, target.model, body, relay)

    def _passed(self, target: Target) -> tuple[bytes, Callable[[], Relay]]:
        request = self.request
        if request.addresses and not target.fetches_urls:
            raise RequestError(
                f"Invalid '{request.addresses[0]}': the model's provider fetches no addresses. Send the content inline.",
                param=request.addresses[0],
                code="unsupported_parameter",
            )
        body = passthrough_body(
            replace(request, fields=rewrite_conversation(request.fields, self.stored, target.upstream)), target
        )
        bare = replace(request, fields={}, inline_files=())  # a relay must not keep the client's whole body alive
        return body, partial(passthrough_relay, bare, model=self.model.id, upstream=target.upstream)

    def _translated(self, dialect: Dialect, target: Target) -> tuple[bytes, Callable[[], Relay]]:
        ask = self.ask
        relay = partial(
            translation_relay,
            ask,
            dialect,
            target,
            model=self.model.id,
            seed=self.seed,
            created=self.created,
            fields=self.echo,
        )
        return REQUEST_WRITERS[dialect](ask, target), relay

    @cached_property
    def ask(self) -> CanonicalRequest:
        return REQUEST_READERS[self.request.endpoint](self.request.fields, self.stored)

    @cached_property
    def echo(self) -> Members:
        """The members that an answer repeats, cut loose from the client's body."""
        return {name: raw.copy() for name, raw in self.request.fields.items() if name not in _CONTENT}


def _too_large(size: int, limit: int) -> RequestError:
    return RequestError(
        f"The request is {size} bytes with its files, and the model's provider takes at most {limit}. Send less.",
        code="request_too_large",
        status=413,
    )
