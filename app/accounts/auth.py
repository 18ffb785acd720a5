"""Authentication of bearer keys, without a store access for a known key.

Rule 1: the cache follows the log through the index of key topics. A digest that it does not know is looked up in the store before
the answer is 401. If the store is unreachable, the answer is 503, never 401.
Rule 2: a revocation that the cache has not seen yet is caught by the guard on the admission, which is exact.
Rule 3: a key is compared by its SHA-256 and never kept.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace

import structlog
import trio

from app.faults import Unauthorized
from app.ledger.codec import Codec, UndecodableEvent
from app.ledger.store import Ledger, RecordedEvent, StoreUnavailable
from domain import api_key
from domain.errors import KeyIsExpired, KeyIsRevoked
from domain.events import KeyCreated, KeyLimits, KeyLimitsChanged, KeyRevoked

FOLLOW_SECONDS = 0.25
LOOK_UP_SECONDS = 5.0
PAGE = 2_000
_log = structlog.get_logger("auth")
_BEARER = "bearer "
_KEY_LENGTH_MAX = 512


@dataclass(frozen=True, slots=True)
class Key:
    """The part of an API key that authentication needs."""

    account_id: str
    key_id: str
    digest: str
    limits: KeyLimits
    revoked: bool = False


class KeyCache:
    """Every key by its digest. It lags at most FOLLOW_SECONDS behind the log."""

    def __init__(self, ledger: Ledger, codec: Codec) -> None:
        self._ledger = ledger
        self._codec = codec
        self._by_digest: dict[str, Key] = {}
        self._digests: dict[str, str] = {}
        self._position = 0
        self._loading = trio.Lock()
        self._loads = 0
        self._failure: StoreUnavailable | None = None
        self._reading = trio.CapacityLimiter(2)

    def __len__(self) -> int:
        return len(self._by_digest)

    async def find(self, digest: str) -> Key | None:
        """The key with this digest. A digest that the cache does not know is looked up in the store. Raises StoreUnavailable."""
        key = self._by_digest.get(digest)
        if key is None:
            await self._load_since_now()
            key = self._by_digest.get(digest)
        return key if key is not None and hmac.compare_digest(key.digest, digest) else None

    def is_valid(self, key_id: str, now_micros: int) -> bool:
        """Whether a key is neither revoked nor expired, judged by the part of the log that this process has read."""
        key = self._by_digest.get(self._digests.get(key_id, ""))
        if key is None or key.revoked:
            return False
        return key.limits.expires_at_micros is None or now_micros < key.limits.expires_at_micros

    async def load(self) -> None:
        """Read new events from the log. Raises StoreUnavailable."""
        async with self._loading:
            await self._load()

    async def _load_since_now(self) -> None:
        """Wait for a load that begins after this call. All waiting callers share it, and its failure. Raises StoreUnavailable."""
        enough = self._loads + (2 if self._loading.locked() else 1)
        with trio.move_on_after(LOOK_UP_SECONDS):
            async with self._loading:
                if self._loads < enough:
                    await self._load()
                elif self._failure is not None:
                    raise StoreUnavailable(str(self._failure))
                return
        raise StoreUnavailable("the store did not answer in time")

    async def _load(self) -> None:
        self._failure = StoreUnavailable("the store did not answer in time")
        try:
            while await self._load_page() == PAGE:
                pass
            self._failure = None
        except StoreUnavailable as error:
            self._failure = error
            raise
        finally:
            self._loads += 1

    async def _load_page(self) -> int:
        events = await trio.to_thread.run_sync(
            self._ledger.read_keys, self._position, PAGE, abandon_on_cancel=True, limiter=self._reading
        )
        for recorded in events:
            self._position = recorded.id
            try:
                self._apply(recorded)
            except (UndecodableEvent, KeyError) as error:
                # If this version cannot read a key's creation event, that key is unknown and refused; other keys still work.
                _log.warning(
                    "a key event cannot be applied", position=recorded.id, topic=recorded.topic, error=str(error)
                )
        return len(events)

    def _apply(self, recorded: RecordedEvent) -> None:
        event = self._codec.decode(recorded.topic, recorded.state)
        match event:
            case KeyCreated():
                self._digests[event.key_id] = event.digest
                self._by_digest[event.digest] = Key(event.account_id, event.key_id, event.digest, event.limits)
            case KeyLimitsChanged():
                digest = self._digests[event.key_id]
                self._by_digest[digest] = replace(self._by_digest[digest], limits=event.limits)
            case KeyRevoked():
                digest = self._digests[event.key_id]
                self._by_digest[digest] = replace(self._by_digest[digest], revoked=True)
            case _:
                return


async def authenticate(cache: KeyCache, authorization: str | None, *, now_micros: int) -> Key:
    """The key in an Authorization header. Raises Unauthorized, KeyIsRevoked, KeyIsExpired, StoreUnavailable."""
    secret = _bearer(authorization)
    if not api_key.well_formed(secret):
        raise Unauthorized(
            "foreign" if secret.startswith("sk-") and not secret.startswith(api_key.PREFIX) else "malformed"
        )
    key = await cache.find(api_key.digest(secret))
    if key is None:
        raise Unauthorized("unknown")
    if key.revoked:
        raise KeyIsRevoked
    if key.limits.expires_at_micros is not None and now_micros >= key.limits.expires_at_micros:
        raise KeyIsExpired
    return key


def _bearer(authorization: str | None) -> str:
    if not authorization:
        raise Unauthorized("missing")
    if not authorization[: len(_BEARER)].lower() == _BEARER or len(authorization) > _KEY_LENGTH_MAX:
        raise Unauthorized("malformed")
    secret = authorization[len(_BEARER) :].strip()
    if not secret:
        raise Unauthorized("missing")
    return secret
