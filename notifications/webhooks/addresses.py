"""Decide to which addresses a webhook may be sent, so that none reaches an internal network."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

Address = IPv4Address | IPv6Address

_NOT_PUBLIC_4: Final = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT, and the metadata service of one cloud
        "127.0.0.0/8",
        "168.63.129.16/32",  # a public address that one cloud gives its host's services
        "169.254.0.0/16",  # link-local, where most metadata services are
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",
    )
)
"""IANA's special-purpose addresses of IPv4."""
_GLOBAL_6: Final = IPv6Network("2000::/3")
"""The only addresses that IANA has assigned for global use. IPv4-mapped, NAT64, unique local,
link-local and multicast ones are outside."""
_NOT_PUBLIC_6: Final = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # Teredo and other protocols
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
    )
)


class ForbiddenAddress(Exception):
    """The address is not public. The message does not show it: it may be a name's secret."""

    def __init__(self) -> None:
        super().__init__("the host has an address that is not public")


class AddressRules:
    """The addresses that may be connected to: public ones, and loopback where it is allowed."""

    def __init__(self, *, may_be_public: bool = True, may_be_loopback: bool = False) -> None:
        self._may_be_public = may_be_public
        self._may_be_loopback = may_be_loopback

    def admit(self, address: str) -> bool:
        """Return whether this address, without a name, may be connected to."""
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        if parsed in (IPv4Address("127.0.0.1"), IPv6Address("::1")):
            return self._may_be_loopback
        return self._may_be_public and is_public(parsed)


def is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    if address.scope_id is not None or address not in _GLOBAL_6:
        return False
    return not any(address in network for network in _NOT_PUBLIC_6)
