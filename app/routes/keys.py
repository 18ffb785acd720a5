"""/api/keys: the account's API keys.

Rule 1: the key stands in the answer to its creation, and nowhere else, ever.
Rule 2: lists are read from the account's own stream: what was just done shows.
"""

from __future__ import annotations

import time
from typing import Annotated

import msgspec
import trio
from quart import Response, request

from app.accounts.commands import new_id, on_account
from app.accounts.keys import KeyRecord, keys_of, make_key
from app.edge.application import EdgeApplication
from app.routes.bodies import answer, asked_instant, read_struct, told_instant, usd_if
from app.routes.caller import signed_in
from app.routes.openapi import describe
from app.services import Services
from domain import account as accounts
from domain import api_key
from domain.errors import InvalidValue, NotFound
from domain.events import KeyLimits
from domain.money import parse_usd

Models = Annotated[list[str], msgspec.Meta(min_length=1, max_length=api_key.MODELS_PER_KEY_MAX)]
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
Unset = msgspec.UnsetType


class KeyWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is left out is not limited. `expires_at` is an instant; `monthly_budget` is USD by UTC month. Give an `id` to make a
    retry safe."""

    name: str
    id: str | None = None
    models: Models | None = None
    expires_at: str | None = None
    monthly_budget: str | None = None
    requests_per_minute: Count | None = None
    tokens_per_minute: Count | None = None
    concurrency: Count | None = None


class KeyChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is left out stays as it is; null takes a limit off."""

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
    """A new key: `api_key` is shown now, and never again."""

    api_key: str
    key: KeyShown


class Keys(msgspec.Struct, frozen=True):
    """The account's keys, the oldest first."""

    data: list[KeyShown]


def register(app: EdgeApplication, services: Services) -> None:
    @app.get("/api/keys")
    @describe("List keys", tag="keys", answers={200: Keys}, errors=(401, 403, 404), caller="session")
    async def list_keys() -> Response:
        caller = await signed_in(services, request)
        found = await _keys(services, caller.account_id)
        return answer(Keys([_shown(key) for key in found.values()]))

    @app.post("/api/keys")
    @describe(
        "Make a key",
        tag="keys",
        body=KeyWanted,
        answers={201: KeyMade},
        errors=(401, 403, 404, 409),
        caller="session",
    )
    async def create_key() -> Response:
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
        secret = await trio.to_thread.run_sync(
            lambda: make_key(
                services.ledger,
                services.codec,
                caller.account_id,
                key_id=key_id,
                name=wanted.name,
                limits=limits,
            ),
            limiter=services.lifetime.reading,
        )
        services.runner.poke()
        return answer(KeyMade(secret, _shown(await _key(services, caller.account_id, key_id))), 201)

    @app.get("/api/keys/<key_id>")
    @describe("Show a key", tag="keys", answers={200: KeyShown}, errors=(401, 403, 404), caller="session")
    async def show_key(key_id: str) -> Response:
        caller = await signed_in(services, request)
        return answer(_shown(await _key(services, caller.account_id, key_id)))

    @app.route("/api/keys/<key_id>", methods=["PATCH"])
    @describe(
        "Change a key's limits",
        tag="keys",
        body=KeyChange,
        answers={200: KeyShown},
        errors=(401, 403, 404),
        caller="session",
    )
    async def change_key(key_id: str) -> Response:
        caller = await signed_in(services, request)
        wanted = await read_struct(services, request, KeyChange)
        return answer(_shown(await _change(services, caller.account_id, key_id, wanted)))

    @app.delete("/api/keys/<key_id>")
    @describe("Revoke a key", tag="keys", answers={200: KeyShown}, errors=(401, 403, 404), caller="session")
    async def revoke_key(key_id: str) -> Response:
        caller = await signed_in(services, request)
        await trio.to_thread.run_sync(
            lambda: on_account(
                services.ledger,
                services.codec,
                caller.account_id,
                lambda state: api_key.revoke_key(state, key_id=key_id),
            ),
            limiter=services.lifetime.reading,
        )
        services.runner.poke()
        return answer(_shown(await _key(services, caller.account_id, key_id)))


async def _change(services: Services, account_id: str, key_id: str, wanted: KeyChange) -> KeyRecord:
    """Only what is given changes, on the limits as they stand when it is appended."""
    given = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value is not msgspec.UNSET}
    changed: dict[str, object] = dict(given)
    if "models" in given:
        changed["models"] = _models(services, given["models"])
    if "expires_at" in given:
        changed["expires_at_micros"] = _expiry(changed.pop("expires_at"))  # type: ignore[arg-type]
    if "monthly_budget" in given:
        changed["budget_nanos_per_month"] = _budget(changed.pop("monthly_budget"))  # type: ignore[arg-type]

    def change() -> None:
        on_account(
            services.ledger,
            services.codec,
            account_id,
            lambda state: api_key.change_limits(
                state, key_id=key_id, limits=msgspec.structs.replace(api_key.limits_of(state, key_id), **changed)
            ),
        )

    await trio.to_thread.run_sync(change, limiter=services.lifetime.reading)
    services.runner.poke()
    return await _key(services, account_id, key_id)


async def _keys(services: Services, account_id: str) -> dict[str, KeyRecord]:
    return await trio.to_thread.run_sync(
        keys_of, services.ledger, services.codec, account_id, limiter=services.lifetime.reading
    )


async def _key(services: Services, account_id: str, key_id: str) -> KeyRecord:
    found = (await _keys(services, account_id)).get(key_id)
    if found is None:
        raise NotFound(f"This account has no key {key_id[:100]}.")
    return found


def _models(services: Services, wanted: list[str] | None) -> tuple[str, ...] | None:
    if wanted is None:
        return None
    offered = {model.id for model in services.catalog.models()}
    for model in wanted:
        if model not in offered:
            raise InvalidValue("models", f"There is no model {model[:100]!r}. GET /v1/models lists them.")
    return tuple(wanted)


def _expiry(text: str | None) -> int | None:
    micros = asked_instant(text, "expires_at")
    if micros is not None and micros <= 0:
        raise InvalidValue("expires_at", "expires_at must be after 1970; null stands for never.")
    return micros


def _budget(text: str | None) -> int | None:
    nanos = None if text is None else parse_usd(text, field="monthly_budget")
    if nanos is not None and nanos <= 0:
        raise InvalidValue("monthly_budget", "monthly_budget must be positive; null stands for no limit.")
    return nanos


def _shown(key: KeyRecord) -> KeyShown:
    limits, now = key.limits, time.time_ns() // 1000
    expired = limits.expires_at_micros is not None and limits.expires_at_micros <= now
    return KeyShown(
        key.key_id,
        key.name,
        key.hint,
        "revoked" if key.revoked_at_micros is not None else "expired" if expired else "in_use",
        None if limits.models is None else list(limits.models),
        None if limits.expires_at_micros is None else told_instant(limits.expires_at_micros),
        *usd_if(limits.budget_nanos_per_month),
        limits.requests_per_minute,
        limits.tokens_per_minute,
        limits.concurrency,
        told_instant(key.created_at_micros),
        None if key.revoked_at_micros is None else told_instant(key.revoked_at_micros),
    )
