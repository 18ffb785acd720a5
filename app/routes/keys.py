"""/api/keys: the account's API keys.

Rule 1: the full key is only in the answer to its creation, and never shown again.
Rule 2: lists are read from the account's own stream, so they include the latest changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated

import msgspec
from quart import Request, Response

from app.accounts.commands import new_id, on_account
from app.accounts.keys import KeyRecord, keys_of, make_key
from app.routes.bodies import answer, format_instant, parse_instant, read_struct, usd_if
from app.routes.caller import signed_in
from app.routes.openapi import Operation
from app.routes.route import Route
from app.services import Services
from domain import account as accounts
from domain import api_key
from domain.account import Account
from domain.errors import InvalidValue, NotFound
from domain.events import Event, KeyLimits
from domain.money import parse_usd

Models = Annotated[list[str], msgspec.Meta(min_length=1, max_length=api_key.MODELS_PER_KEY_MAX)]
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
Unset = msgspec.UnsetType


class KeyWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits that are left out do not apply. `expires_at` is an instant; `monthly_budget` is in USD per UTC month. Send an `id` to
    make retries safe."""

    name: str
    id: str | None = None
    models: Models | None = None
    expires_at: str | None = None
    monthly_budget: str | None = None
    requests_per_minute: Count | None = None
    tokens_per_minute: Count | None = None
    concurrency: Count | None = None


class KeyChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits that are left out stay as they are; null removes a limit."""

    models: Models | Unset | None = msgspec.UNSET
    expires_at: str | Unset | None = msgspec.UNSET
    monthly_budget: str | Unset | None = msgspec.UNSET
    requests_per_minute: Count | Unset | None = msgspec.UNSET
    tokens_per_minute: Count | Unset | None = msgspec.UNSET
    concurrency: Count | Unset | None = msgspec.UNSET


class KeyShown(msgspec.Struct, frozen=True):
    """A key, masked. `state`: in_use, expired or revoked."""

    id: str
    name: str
    hint: str
    state: str
    models: list[str] | None
    expires_at: str | None
    monthly_budget: str | None
    monthly_budget_nanos: str | None
    requests_per_minute: int | None
    tokens_per_minute: int | None
    concurrency: int | None
    created_at: str
    revoked_at: str | None


class KeyMade(msgspec.Struct, frozen=True):
    """A new key. `api_key` is shown this once and never again."""

    api_key: str
    key: KeyShown


class Keys(msgspec.Struct, frozen=True):
    """The account's keys, oldest first."""

    data: list[KeyShown]


async def list_keys(services: Services, request: Request) -> Response:
    caller = await signed_in(services, request)
    found, now = await _keys(services, caller.account_id), services.now_micros()
    return answer(Keys([_shown(key, now) for key in found.values()]))


async def create_key(services: Services, request: Request) -> Response:
    caller = await signed_in(services, request)
    wanted = await read_struct(services, request, KeyWanted)
    key_id = new_id("key") if wanted.id is None else accounts.check_identifier("id", wanted.id)
    limits = KeyLimits(
        models=_models(services, wanted.models),
        expires_at_micros=_expiry(wanted.expires_at),
        budget_nanos_per_month=_budget(wanted.monthly_budget),
        requests_per_minute=wanted.requests_per_minute,
        tokens_per_minute=wanted.tokens_per_minute,
        concurrency=wanted.concurrency,
    )
    make = partial(make_key, services.ledger, services.codec, caller.account_id)
    secret = await services.in_thread(lambda: make(key_id=key_id, name=wanted.name, limits=limits))
    services.runner.poke()
    return answer(KeyMade(secret, await _key_shown(services, caller.account_id, key_id)), 201)


async def show_key(services: Services, request: Request, key_id: str) -> Response:
    caller = await signed_in(services, request)
    return answer(await _key_shown(services, caller.account_id, key_id))


async def change_key(services: Services, request: Request, key_id: str) -> Response:
    caller = await signed_in(services, request)
    wanted = await read_struct(services, request, KeyChange)
    await _on_account(services, caller.account_id, _change(services, key_id, wanted))
    return answer(await _key_shown(services, caller.account_id, key_id))


async def revoke_key(services: Services, request: Request, key_id: str) -> Response:
    caller = await signed_in(services, request)
    await _on_account(services, caller.account_id, partial(api_key.revoke_key, key_id=key_id))
    return answer(await _key_shown(services, caller.account_id, key_id))


ROUTES = (
    Route(
        "GET",
        "/api/keys",
        list_keys,
        Operation("List keys", tag="keys", answers={200: Keys}, errors=(401, 403, 404), caller="session"),
    ),
    Route(
        "POST",
        "/api/keys",
        create_key,
        Operation(
            "Create a key",
            tag="keys",
            body=KeyWanted,
            answers={201: KeyMade},
            errors=(401, 403, 404, 409),
            caller="session",
        ),
    ),
    Route(
        "GET",
        "/api/keys/<key_id>",
        show_key,
        Operation("Show a key", tag="keys", answers={200: KeyShown}, errors=(401, 403, 404), caller="session"),
    ),
    Route(
        "PATCH",
        "/api/keys/<key_id>",
        change_key,
        Operation(
            "Change a key's limits",
            tag="keys",
            body=KeyChange,
            answers={200: KeyShown},
            errors=(401, 403, 404),
            caller="session",
        ),
    ),
    Route(
        "DELETE",
        "/api/keys/<key_id>",
        revoke_key,
        Operation("Revoke a key", tag="keys", answers={200: KeyShown}, errors=(401, 403, 404), caller="session"),
    ),
)


def _change(services: Services, key_id: str, wanted: KeyChange) -> Callable[[Account], Sequence[Event]]:
    """Decides on the limits that are current when the change is appended. Only the limits that were sent change."""
    given = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value is not msgspec.UNSET}
    changed: dict[str, object] = dict(given)
    if "models" in given:
        changed["models"] = _models(services, given["models"])
    if "expires_at" in given:
        changed["expires_at_micros"] = _expiry(changed.pop("expires_at"))  # type: ignore[arg-type]
    if "monthly_budget" in given:
        changed["budget_nanos_per_month"] = _budget(changed.pop("monthly_budget"))  # type: ignore[arg-type]

    def decide(state: Account) -> Sequence[Event]:
        limits = msgspec.structs.replace(api_key.limits_of(state, key_id), **changed)
        return api_key.change_limits(state, key_id=key_id, limits=limits)

    return decide


async def _on_account(services: Services, account_id: str, decide: Callable[[Account], Sequence[Event]]) -> None:
    await services.in_thread(on_account, services.ledger, services.codec, account_id, decide)
    services.runner.poke()


async def _keys(services: Services, account_id: str) -> dict[str, KeyRecord]:
    return await services.in_thread(keys_of, services.ledger, services.codec, account_id)


async def _key_shown(services: Services, account_id: str, key_id: str) -> KeyShown:
    found = (await _keys(services, account_id)).get(key_id)
    if found is None:
        raise NotFound(f"This account has no key {key_id[:100]}.")
    return _shown(found, services.now_micros())


def _models(services: Services, wanted: list[str] | None) -> tuple[str, ...] | None:
    if wanted is None:
        return None
    offered = {model.id for model in services.serving.offering.catalog.models()}
    for model in wanted:
        if model not in offered:
            raise InvalidValue("models", f"There is no model {model[:100]!r}. GET /v1/models lists them.")
    return tuple(wanted)


def _expiry(text: str | None) -> int | None:
    micros = parse_instant(text, "expires_at")
    if micros is not None and micros <= 0:
        raise InvalidValue("expires_at", "expires_at must be after 1970; null means never.")
    return micros


def _budget(text: str | None) -> int | None:
    nanos = None if text is None else parse_usd(text, field="monthly_budget")
    if nanos is not None and nanos <= 0:
        raise InvalidValue("monthly_budget", "monthly_budget must be positive; null means no limit.")
    return nanos


def _shown(key: KeyRecord, now_micros: int) -> KeyShown:
    limits = key.limits
    expired = limits.expires_at_micros is not None and limits.expires_at_micros <= now_micros
    return KeyShown(
        key.key_id,
        key.name,
        key.hint,
        "revoked" if key.revoked_at_micros is not None else "expired" if expired else "in_use",
        None if limits.models is None else list(limits.models),
        None if limits.expires_at_micros is None else format_instant(limits.expires_at_micros),
        *usd_if(limits.budget_nanos_per_month),
        limits.requests_per_minute,
        limits.tokens_per_minute,
        limits.concurrency,
        format_instant(key.created_at_micros),
        None if key.revoked_at_micros is None else format_instant(key.revoked_at_micros),
    )
