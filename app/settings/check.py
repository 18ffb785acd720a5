"""Checks that types cannot express: addresses, URLs, references between tables, prices.

Rule: each check raises the first Problem it finds, with the path of the wrong value.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from urllib.parse import SplitResult, urlsplit

from app.origin import origin_of
from app.settings.errors import Problem
from app.settings.locate import Path
from app.settings.protocols import TRAITS, possible_tools
from app.settings.shape import LogSettings, ModelSettings, PackSettings, Settings, UpstreamSettings, is_loopback
from domain.catalog import Catalog
from domain.errors import InvalidValue
from domain.money import parse_scaled, parse_usd
from projections.proofs.errors import ProofInvalid
from projections.proofs.keys import own_signer, own_verifier, witness
from projections.proofs.note import checked_name

_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{0,62}(/[A-Za-z0-9!_.*'()/-]{0,200})?", re.ASCII)
_HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})", re.ASCII)


def check(settings: Settings) -> None:
    """Raises Problem."""
    _check_server(settings)
    _check_store(settings.store.url)
    _check_files(settings.files.url)
    _check_limits(settings)
    _amount(settings.billing.cancelled_free_limit, ("billing", "cancelled_free_limit"), least=0)
    _unique((upstream.name for upstream in settings.upstreams), "upstream", "name")
    for index, upstream in enumerate(settings.upstreams):
        _check_upstream(upstream, ("upstream", index))
    _unique((model.id for model in settings.models), "model", "id")
    upstreams = {upstream.name: upstream for upstream in settings.upstreams}
    for index, model in enumerate(settings.models):
        _check_model(model, upstreams, ("model", index))
    _check_payments(settings)
    _check_provider_exports(settings, upstreams)
    if settings.log is not None:
        _check_log(settings.log)


def _check_server(settings: Settings) -> None:
    server = settings.server
    for index, address in enumerate(server.bind):
        match = _HOST_PORT.fullmatch(address)
        if match is None or int(match[2]) > 65535:
            raise Problem(
                ("server", "bind", index), f'{address!r} is not host:port, such as "127.0.0.1:8000" or "[::1]:8000".'
            )
    public = _url(server.public_url, ("server", "public_url"), ("http", "https"))
    if public.query or public.fragment:
        raise Problem(("server", "public_url"), "The public URL must not have a query or fragment.")
    for index, origin in enumerate(server.cors_origins):
        parts = _url(origin, ("server", "cors_origins", index), ("http", "https"))
        if origin_of(origin) != origin or parts.username is not None:
            raise Problem(
                ("server", "cors_origins", index),
                f"{origin!r} is not an origin as browsers send it: scheme, host in lower case, and the port unless it is "
                'the default one, such as "https://app.example".',
            )
    for index, proxy in enumerate(server.trusted_proxies):
        try:
            ipaddress.ip_network(proxy)
        except ValueError as error:
            raise Problem(
                ("server", "trusted_proxies", index),
                f'This must be an address or a network, such as "10.0.0.0/8": {error}.',
            ) from None


def _check_store(url: str) -> None:
    path: Path = ("store", "url")
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in ("sqlite", "postgresql"):
        raise Problem(
            path,
            f"{scheme[:20]!r} is not a store. Use sqlite:///relative.db, sqlite:////absolute.db or postgresql://user@host/db.",
        )
    if scheme == "sqlite":
        if not rest.startswith("/") or rest in ("/", "/:memory:"):
            raise Problem(path, "The ledger must be a file: sqlite:///relative.db or sqlite:////absolute.db.")
        if "?" in rest:
            raise Problem(path, "A sqlite URL must not have parameters.")
        return
    _url(url, path, ("postgresql",), host_needed=False)


def _check_files(url: str) -> None:
    path: Path = ("files", "url")
    if url.startswith("file:///"):
        if not url.removeprefix("file:///").strip("./"):
            raise Problem(path, "The folder is missing: file:///./relative or file:////absolute.")
        return
    if url.startswith("s3:"):
        if not _BUCKET.fullmatch(url):
            raise Problem(path, "Use s3://bucket or s3://bucket/prefix. Keys belong in the environment.")
        return
    _url(url, path, ("file", "s3"))
    raise Problem(path, "A file URL needs three slashes and a path: file:///./relative or file:////absolute.")


def _check_limits(settings: Settings) -> None:
    if settings.limits.body_bytes_in_flight < settings.server.max_body_bytes:
        raise Problem(
            ("limits", "body_bytes_in_flight"),
            f"This is less than server.max_body_bytes ({settings.server.max_body_bytes}): the largest body could never be read.",
        )


def _check_upstream(upstream: UpstreamSettings, path: Path) -> None:
    if upstream.protocol == "simulator":
        if upstream.base_url or upstream.api_key:
            name = "base_url" if upstream.base_url else "api_key"
            raise Problem((*path, name), f"The simulator runs inside the gateway and does not use {name}.")
        return
    if upstream.pace:
        raise Problem((*path, "pace"), "Only the simulator supports pace.")
    parts = _url(upstream.base_url, (*path, "base_url"), ("http", "https"))
    if parts.query or parts.fragment or parts.username is not None:
        raise Problem(
            (*path, "base_url"), "A base URL must not have a query, fragment or user: keys belong in api_key."
        )
    if parts.scheme == "http" and not upstream.allow_insecure and not is_loopback(parts.hostname or ""):
        raise Problem(
            (*path, "base_url"),
            "Plain http would send the key and the content unencrypted. Use https, or set allow_insecure = true.",
        )
    traits = TRAITS[upstream.protocol]
    if not parts.path.rstrip("/").endswith(traits.version):
        raise Problem((*path, "base_url"), f"This must end in {traits.version}: requests go to {traits.calls}.")
    if not re.fullmatch(r"[!-~]*", upstream.api_key.reveal()):
        raise Problem(
            (*path, "api_key"),
            "The key contains a space, a line break or another character that is not allowed in an HTTP header.",
        )


def _check_model(model: ModelSettings, upstreams: Mapping[str, UpstreamSettings], path: Path) -> None:
    """The domain checks the model; this adds the path of the value to its errors."""
    for index, name in enumerate(model.upstreams):
        if name not in upstreams:
            known = ", ".join(upstreams) or "none is defined"
            raise Problem((*path, "upstreams", index), f"There is no [[upstream]] named {name!r} (known: {known}).")
    for name in model.upstream_model if isinstance(model.upstream_model, dict) else ():
        if name not in model.upstreams:
            raise Problem((*path, "upstream_model", name), f"{name!r} is not one of this model's upstreams.")
    _check_tools(model, [upstreams[name] for name in model.upstreams], path)
    try:
        Catalog([model.model()], upstreams)
    except InvalidValue as error:
        raise Problem((*path, *_domain_path(error.field)), str(error)) from None


def _check_tools(model: ModelSettings, upstreams: Iterable[UpstreamSettings], path: Path) -> None:
    """At least one of the model's upstreams must support each tool."""
    possible = frozenset().union(*(possible_tools(each.protocol, model.endpoints) for each in upstreams))
    for index, tool in enumerate(model.tools):
        if tool not in possible:
            raise Problem(
                (*path, "tools", index),
                f"None of this model's upstreams supports {tool!r}. Together they support: {', '.join(sorted(possible))}.",
            )


def _check_payments(settings: Settings) -> None:
    if settings.stripe is not None:
        parts = _url(settings.stripe.api_base, ("stripe", "api_base"), ("http", "https"))
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            raise Problem(("stripe", "api_base"), "Plain http would send the secret key unencrypted. Use https.")
        if settings.stripe.simulator:
            _check_simulator(settings)
    _unique((pack.id for pack in settings.packs), "pack", "id")
    for index, pack in enumerate(settings.packs):
        _check_pack(pack, ("pack", index))


def _check_simulator(settings: Settings) -> None:
    """The simulator gives credit for free, so it is allowed only on this machine."""
    for index, address in enumerate(settings.server.bind):
        if not is_loopback(address.rpartition(":")[0].strip("[]")):
            raise Problem(
                ("server", "bind", index),
                "The payment simulator can only be served on loopback, such as 127.0.0.1:8000.",
            )
    if not is_loopback(urlsplit(settings.server.public_url).hostname or ""):
        raise Problem(("stripe", "simulator"), "The payment simulator needs a public_url on this machine.")


def _check_pack(pack: PackSettings, path: Path) -> None:
    _amount(pack.credit, (*path, "credit"), least=1)
    try:
        pack.pack()
    except InvalidValue as error:
        raise Problem((*path, error.field), str(error)) from None


def _check_provider_exports(settings: Settings, upstreams: Collection[str]) -> None:
    _unique((export.name for export in settings.provider_exports), "provider_export", "name")
    for index, export in enumerate(settings.provider_exports):
        path: Path = ("provider_export", index)
        if export.upstream not in upstreams:
            raise Problem((*path, "upstream"), f"There is no [[upstream]] named {export.upstream!r}.")
        for field in ("markup", "tolerance"):
            try:
                if parse_scaled(getattr(export, field), 9, field) < 0:
                    raise Problem((*path, field), f"{field} must not be negative.")
            except InvalidValue as error:
                raise Problem((*path, field), str(error)) from None


def _check_log(log: LogSettings) -> None:
    _proves(checked_name, log.origin, ("log", "origin"))
    for name, key in (("key", log.key), ("previous_key", log.previous_key)):
        if key or name == "key":
            _proves(lambda text: own_signer(text, log.origin), key.reveal(), ("log", name))
    for index, text in enumerate(log.retired_keys):
        _proves(lambda text: own_verifier(text, log.origin), text, ("log", "retired_keys", index))
    for name, keys in (("witnesses", log.witnesses), ("retired_witnesses", log.retired_witnesses)):
        for index, text in enumerate(keys):
            _proves(witness, text, ("log", name, index))


def _proves(parse: Callable[[str], object], text: str, path: Path) -> None:
    """The message never repeats the text, which may be a private key."""
    try:
        parse(text)
    except ProofInvalid as error:
        raise Problem(path, f"{error} Create a key with `realrouter audit key`.") from None


def _domain_path(name: str) -> Path:
    """The path, below its model, of a field that the domain names: "model.max_output_tokens" or "price.above[0].input"."""
    parts = [int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", name)]
    return tuple(parts[1:] if parts[:1] == ["model"] else parts)


def _amount(text: str, path: Path, *, least: int) -> None:
    try:
        nanos = parse_usd(text, field=str(path[-1]))
    except InvalidValue as error:
        raise Problem(path, str(error)) from None
    if nanos < least:
        raise Problem(path, "The amount must not be negative." if least == 0 else "The amount must be more than zero.")


def _url(text: str, path: Path, schemes: tuple[str, ...], *, host_needed: bool = True) -> SplitResult:
    """The parts of a URL. Messages never repeat the text, which may contain a password."""
    allowed = " or ".join(f"{scheme}://" for scheme in schemes)
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises ValueError for an invalid port
    except ValueError as error:
        raise Problem(path, f"This is not a valid URL: {str(error).split(':', 1)[0]}.") from None
    if parts.scheme not in schemes or (host_needed and not parts.hostname):
        raise Problem(path, f"This must be a URL that starts with {allowed}.")
    if re.search(r"[\s\x00-\x1f]", text):
        raise Problem(path, "A URL must not contain spaces.")
    return parts


def _unique(names: Iterable[str], table: str, key: str) -> None:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            raise Problem((table, index, key), f"{name!r} is already used by an earlier [[{table}]].")
        seen.add(name)
