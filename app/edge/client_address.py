"""The address that a request came from: the peer's, or the one that a trusted proxy reports.

Rule 1: X-Forwarded-For is read from the right, hop by hop, while each hop is a proxy that the operator trusts.
Rule 2: a hop that is not a valid address ends the search; the last valid address is used.
Rule 3: an address has one form: an IPv4-mapped IPv6 address becomes IPv4, and a port is removed.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::[0-9]+)?|([0-9.]+):[0-9]+", re.ASCII)
_CUSTOMER_BITS = 64


def client_address(peer: str, forwarded: Sequence[str], trusted: tuple[str, ...]) -> str:
    """The rightmost address that is not a trusted proxy. `forwarded`: the values of X-Forwarded-For, in order."""
    hops = [hop for value in forwarded for hop in value.split(",")]
    address = _parsed(peer)
    if address is None:
        return peer
    while hops and _is_trusted(address, trusted) and (before := _parsed(hops.pop())) is not None:
        address = before
    return str(address)


def network_of(address: str) -> str:
    """The unit that rate limits count: an IPv4 address, or the /64 of an IPv6 address, which one customer usually has."""
    parsed = _parsed(address)
    if not isinstance(parsed, ipaddress.IPv6Address):
        return str(parsed or address)
    return str(ipaddress.IPv6Network((int(parsed), _CUSTOMER_BITS), strict=False))


def _parsed(text: str) -> _Address | None:
    """The address without port, brackets, zone or IPv4-mapped prefix, or None if it is not a valid address."""
    text = text.strip()
    if found := _WITH_PORT.fullmatch(text):
        text = found[1] or found[2]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return address if mapped is None else mapped


def _is_trusted(address: _Address, trusted: tuple[str, ...]) -> bool:
    return any(address in network for network in _networks(trusted))


@lru_cache(maxsize=8)
def _networks(trusted: tuple[str, ...]) -> tuple[_Network, ...]:
    return tuple(ipaddress.ip_network(each) for each in trusted)
