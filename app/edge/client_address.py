"""Whose request it is by address: the peer's, or what a trusted proxy says of it.

Rule 1: X-Forwarded-For is believed from the right, and only as far as each hop is a proxy that the operator trusts.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def client_address(peer: str, forwarded: Sequence[str], trusted: tuple[str, ...]) -> str:
    """The rightmost address that is no trusted proxy. `forwarded` are the values of X-Forwarded-For, in order."""
    hops = [hop.strip() for value in forwarded for hop in value.split(",")]
    address = peer
    while hops and _is_trusted(address, trusted):
        address = hops.pop()
    return address


def _is_trusted(address: str, trusted: tuple[str, ...]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in _networks(trusted))


@lru_cache(maxsize=8)
def _networks(trusted: tuple[str, ...]) -> tuple[_Network, ...]:
    return tuple(ipaddress.ip_network(each) for each in trusted)
