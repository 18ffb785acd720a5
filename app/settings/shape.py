"""The settings of `realrouter.toml`: their names, types, bounds and defaults.

Rule 1: the structs mirror the file, except for the names in `rename`.
Rule 2: every value is immutable, and valid once `load` has returned it. It is not checked again.
Rule 3: durations are seconds, sizes are bytes, amounts are decimal strings of USD.
Rule 4: a value that may contain a secret is a Secret, or is masked in the repr of its table.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from msgspec import UNSET, Meta, Struct, UnsetType, field, to_builtins

from app.settings.protocols import ENDPOINTS, MIB, TRAITS, Protocol
from app.settings.secret import Secret
from app.wire.exchange import Endpoint
from domain.catalog import Catalog, Model
from domain.checkout import Pack
from domain.currency import parse_minor
from domain.money import parse_usd
from domain.pricing import PriceList, parse_prices
from projections.proofs.keys import LogKeys, own_signer, own_verifier, witness

Seconds = Annotated[float, Meta(gt=0, le=7 * 86_400)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Size = Annotated[int, Meta(ge=1024, le=2**40)]
Tokens = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
ModelId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,199}$")]
ToolName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
InputModality = Literal["text", "image", "file"]
OutputModality = Literal["text", "image"]


class ServerSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the gateway listens, and which clients, origins and proxies it accepts."""

    bind: Annotated[tuple[str, ...], Meta(min_length=1, max_length=16)] = ("127.0.0.1:8000",)
    public_url: str = "http://127.0.0.1:8000"
    cors_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    signup: bool = False
    website: bool = True
    max_body_bytes: Size = 70 * MIB

    @property
    def cookies_are_secure(self) -> bool:
        """Whether browsers may send the session cookie over https only: always, except on this machine."""
        parts = urlsplit(self.public_url)
        return not (parts.scheme == "http" and is_loopback(parts.hostname or ""))


class StoreSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The event store. The URL may contain a password, which `repr` masks."""

    url: str = "sqlite:///./data/realrouter.db"

    @property
    def sqlite_path(self) -> Path | None:
        """The database file, relative to the current directory unless absolute, or None for PostgreSQL."""
        return Path(self.url.removeprefix("sqlite:///")) if self.url.startswith("sqlite:///") else None

    def __repr__(self) -> str:
        return f"StoreSettings(url={masked_url(self.url)!r})"


class FilesSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Where uploaded files are stored, and each account's quota in files and bytes."""

    url: str = "file:///./data/files"
    account_files: Count = 10_000
    account_bytes: Size = 10 * 1024 * MIB

    @property
    def directory(self) -> Path | None:
        """The folder: relative to the current directory after `file:///./` or `file:///../`, otherwise absolute. None for S3."""
        if not self.url.startswith("file:///"):
            return None
        rest = self.url.removeprefix("file:///")
        return Path(rest) if rest.startswith(("./", "../")) else Path("/" + rest.lstrip("/"))


class LimitSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Deadlines in seconds, and the limits of one process."""

    connect: Seconds = 10
    first_byte: Seconds = 600
    idle: Seconds = 300
    total: Annotated[float, Meta(gt=0, le=86_400)] = 3600
    attempts: Annotated[int, Meta(ge=1, le=10)] = 2
    concurrency: Count = 1000
    key_concurrency: Count = 256
    body_bytes_in_flight: Size = 256 * MIB
    keepalive_comment: Seconds = 15
    send_stall: Seconds = 120
    connection_idle: Seconds = 650
    settle: Seconds = 8
    grace: Seconds = 20
    lease: Annotated[float, Meta(ge=5, le=30)] = 15


class BillingSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Defaults of holds, and the value of cancelled answers that is not charged."""

    default_max_output_tokens: Tokens = 4096
    cancelled_free_limit: str = "1.00"

    @property
    def cancelled_free_limit_nanos(self) -> int:
        return parse_usd(self.cancelled_free_limit, field="cancelled_free_limit")


class UpstreamSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """A server that provides models. `pace` is the simulator's pause between chunks, in seconds.

    Unset values take the protocol's defaults: see `request_bytes_max` and `fetches_urls`.
    """

    name: Name
    protocol: Protocol
    base_url: str = ""
    api_key: Secret = Secret("")
    allow_insecure: bool = False
    max_request_bytes: Size | UnsetType = UNSET
    fetch_urls: bool | UnsetType = UNSET
    pace: Annotated[float, Meta(ge=0, le=60)] = 0.0

    @property
    def request_bytes_max(self) -> int:
        """The largest request body that it accepts, including inlined files."""
        given = self.max_request_bytes
        return TRAITS[self.protocol].request_bytes_max if given is UNSET else given

    @property
    def fetches_urls(self) -> bool:
        """Whether it may be sent URLs of images and files, which it then fetches."""
        return TRAITS[self.protocol].fetches_urls if self.fetch_urls is UNSET else self.fetch_urls


class TierPrices(Struct, frozen=True, forbid_unknown_fields=True):
    """Token prices, USD per million, for requests with more than `input_tokens` input tokens."""

    input_tokens: Tokens
    input: str | UnsetType = UNSET
    cached_input: str | UnsetType = UNSET
    cache_write: str | UnsetType = UNSET
    cache_write_1h: str | UnsetType = UNSET
    image_input: str | UnsetType = UNSET
    output: str | UnsetType = UNSET
    image_output: str | UnsetType = UNSET


class ServiceTierPrices(Struct, frozen=True, forbid_unknown_fields=True):
    """Token prices, USD per million, of answers in the service tier `name`. An omitted price is taken from the list itself."""

    name: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
    input: str | UnsetType = UNSET
    cached_input: str | UnsetType = UNSET
    cache_write: str | UnsetType = UNSET
    cache_write_1h: str | UnsetType = UNSET
    image_input: str | UnsetType = UNSET
    output: str | UnsetType = UNSET
    image_output: str | UnsetType = UNSET
    above: tuple[TierPrices, ...] | UnsetType = UNSET


class CallPrices(Struct, frozen=True, forbid_unknown_fields=True):
    """USD per call of optional tools."""

    custom: str | UnsetType = UNSET
    namespace: str | UnsetType = UNSET
    code_interpreter: str | UnsetType = UNSET
    mcp: str | UnsetType = UNSET
    computer_use: str | UnsetType = UNSET


class PriceSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Token prices, USD per million; `web_search_call` and `image` are USD each. Omitted prices fall back (see pricing)."""

    input: str
    output: str
    cached_input: str | UnsetType = UNSET
    cache_write: str | UnsetType = UNSET
    cache_write_1h: str | UnsetType = UNSET
    image_input: str | UnsetType = UNSET
    image_output: str | UnsetType = UNSET
    web_search_call: str | UnsetType = UNSET
    image: str | dict[str, str] | UnsetType = UNSET
    calls: CallPrices | UnsetType = UNSET
    above: tuple[TierPrices, ...] | UnsetType = UNSET
    tier: tuple[ServiceTierPrices, ...] | UnsetType = UNSET

    def parsed(self) -> PriceList:
        """Raises InvalidValue."""
        table: dict[str, Any] = to_builtins(self)
        return parse_prices(table)


class ModelSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """An offered model. Its upstreams are tried in order, until the first byte.

    `endpoints` are the OpenAI endpoints that its `openai` upstreams have for it; requests to the other endpoint are translated.
    `upstream_model` is its name at all upstreams, or by upstream. If it is "" or omits an upstream, the model's id is used there.
    """

    id: ModelId
    upstreams: Annotated[tuple[str, ...], Meta(min_length=1, max_length=16)]
    context_window: Tokens
    max_output_tokens: Tokens
    price: PriceSettings
    upstream_model: str | dict[str, str] = ""
    tools: tuple[ToolName, ...] = ("function",)
    input: Annotated[tuple[InputModality, ...], Meta(min_length=1)] = ("text",)
    output: Annotated[tuple[OutputModality, ...], Meta(min_length=1)] = ("text",)
    endpoints: Annotated[tuple[Endpoint, ...], Meta(min_length=1)] = ENDPOINTS

    def model(self) -> Model:
        """The domain's Model. Raises InvalidValue if a price is not valid."""
        return Model(
            id=self.id,
            upstreams=self.upstreams,
            upstream_model=(self.upstream_model if isinstance(self.upstream_model, str) else "") or self.id,
            tools=frozenset(self.tools),
            input_modalities=self.input,
            output_modalities=self.output,
            context_window=self.context_window,
            max_output_tokens=self.max_output_tokens,
            prices=self.price.parsed(),
            endpoints=tuple(endpoint for endpoint in ENDPOINTS if endpoint in self.endpoints),
            upstream_names=self.upstream_model if isinstance(self.upstream_model, dict) else {},
        )


class StripeSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Checkout through Stripe. Omitted: no checkout. `simulator`: a built-in payment page instead, on loopback only."""

    secret_key: Secret = Secret("")
    webhook_secret: Secret = Secret("")
    api_base: str = "https://api.stripe.com"
    simulator: bool = False


class PackSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """A pack for sale: `credit` USD of balance for `price` in `currency`."""

    id: Name
    name: Annotated[str, Meta(min_length=1, max_length=100)]
    price: str
    credit: str
    currency: Annotated[str, Meta(pattern=r"^[a-z]{3}$")] = "usd"

    def pack(self) -> Pack:
        """The domain's Pack. Raises InvalidValue."""
        price_minor = parse_minor(self.price, self.currency, field="price")
        return Pack(self.id, self.name, price_minor, self.currency, parse_usd(self.credit, field="credit"))


class LogSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The sealed log: its name and keys. `checkpoint`: the file outside the database; "": next to the data."""

    origin: Annotated[str, Meta(min_length=1, max_length=200)]
    key: Secret
    previous_key: Secret = Secret("")
    retired_keys: Annotated[tuple[str, ...], Meta(max_length=16)] = ()
    witnesses: Annotated[tuple[str, ...], Meta(max_length=16)] = ()
    retired_witnesses: Annotated[tuple[str, ...], Meta(max_length=16)] = ()
    checkpoint: str = ""

    def keys(self) -> LogKeys:
        """The log's keys. Raises ProofInvalid, but not for settings from `load`, which has checked them."""
        private = [key.reveal() for key in (self.key, self.previous_key) if key]
        return LogKeys(
            self.origin,
            tuple(own_signer(key, self.origin) for key in private),
            tuple(own_verifier(key, self.origin) for key in self.retired_keys),
            tuple(witness(key) for key in self.witnesses),
            tuple(witness(key) for key in self.retired_witnesses),
        )


ColumnName = Annotated[str, Meta(min_length=1, max_length=200)]


class ProviderExportSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How to read a provider's usage export: the meaning of its columns. Rows of the same request are summed.

    `input_includes_cached`: input includes cached input. `markup`: the percentage by which charges exceed cost.
    """

    name: Name
    upstream: str
    request_id: ColumnName
    input_tokens: ColumnName | None = None
    cached_tokens: ColumnName | None = None
    output_tokens: ColumnName | None = None
    cost: ColumnName | None = None
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] = ","
    input_includes_cached: bool = True
    markup: str = "0"
    tolerance: str = "0.000001"


class Settings(
    Struct,
    frozen=True,
    forbid_unknown_fields=True,
    rename={
        "upstreams": "upstream",
        "models": "model",
        "packs": "pack",
        "provider_exports": "provider_export",
    },
):
    """The whole of `realrouter.toml`."""

    server: ServerSettings = field(default_factory=ServerSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    files: FilesSettings = field(default_factory=FilesSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    billing: BillingSettings = field(default_factory=BillingSettings)
    upstreams: Annotated[tuple[UpstreamSettings, ...], Meta(max_length=256)] = ()
    models: Annotated[tuple[ModelSettings, ...], Meta(max_length=4096)] = ()
    stripe: StripeSettings | None = None
    packs: Annotated[tuple[PackSettings, ...], Meta(max_length=64)] = ()
    log: LogSettings | None = None
    provider_exports: Annotated[tuple[ProviderExportSettings, ...], Meta(max_length=64)] = ()

    @property
    def checkpoint_path(self) -> Path:
        """The file of the newest checkpoint. Default: next to a SQLite database, otherwise in `data`."""
        if self.log is not None and self.log.checkpoint:
            return Path(self.log.checkpoint)
        database = self.store.sqlite_path
        return Path("data/log.checkpoint") if database is None else database.with_name(f"{database.name}.checkpoint")

    def catalog(self) -> Catalog:
        """The offered models. `load` has built the catalog once, so settings from a file cannot fail here."""
        return Catalog((entry.model() for entry in self.models), (upstream.name for upstream in self.upstreams))

    def upstream(self, name: str) -> UpstreamSettings:
        """The upstream with this name; every name in the catalog has one."""
        return next(upstream for upstream in self.upstreams if upstream.name == name)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def masked_url(url: str) -> str:
    """The URL without its password."""
    masked = re.sub(r"(://[^\s:/@]*):.*@", r"\1:****@", url)
    return re.sub(r"([?&]password=)[^&]*", r"\1****", masked)
