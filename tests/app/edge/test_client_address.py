"""Whose request it is by address, however many proxies stand before it, and whatever a client writes into the header."""

from __future__ import annotations

import pytest

from app.edge.client_address import client_address, network_of

TRUSTED = ("10.0.0.0/8", "fd00::/8")


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),  # nobody's proxy may say so
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),  # the rest is the client's own word
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["10.9.9.9, 10.0.0.2"], "10.9.9.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("fd00::1", ["2001:db8::7"], "2001:db8::7"),
        ("10.0.0.1", ["198.51.100.1:49152"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8::7]:49152"], "2001:db8::7"),
        ("10.0.0.1", ["[2001:db8::7]"], "2001:db8::7"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("::ffff:203.0.113.7", [], "203.0.113.7"),
        ("10.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
    ],
)
def test_the_rightmost_address_that_is_no_trusted_proxy_is_the_clients(
    peer: str, forwarded: list[str], address: str
) -> None:
    assert client_address(peer, forwarded, TRUSTED) == address


@pytest.mark.parametrize("hop", ["", " ", "unknown", "_hidden", "999.1.1.1", "a" * 5000, "198.51.100.1:x", "\udcff"])
def test_a_hop_that_is_no_address_ends_at_the_proxy_that_sent_it(hop: str) -> None:
    assert client_address("10.0.0.1", [f"198.51.100.1, {hop}"], TRUSTED) == "10.0.0.1"
    assert client_address("10.0.0.1", [f"{hop}, 10.0.0.2"], TRUSTED) == "10.0.0.2"


def test_nothing_is_believed_where_no_proxy_is_trusted() -> None:
    assert client_address("127.0.0.1", ["198.51.100.1"], ()) == "127.0.0.1"


@pytest.mark.parametrize("peer", ["", "<local>"])
def test_a_peer_without_an_address_is_what_it_is_called(peer: str) -> None:
    assert client_address(peer, ["198.51.100.1"], TRUSTED) == peer
    assert network_of(peer) == peer


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
    ],
)
def test_an_address_is_counted_as_itself_and_one_of_ipv6_with_its_network(address: str, network: str) -> None:
    assert network_of(address) == network
