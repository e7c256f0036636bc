"""Webhooks go to public addresses only."""

from __future__ import annotations

import pytest

from notifications.webhooks.addresses import AddressRules

PUBLIC = ["93.184.216.34", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00::1"]
NOT_PUBLIC = [
    "0.0.0.0",  # noqa: S104 - an address that is refused
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.168.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:8.8.8.8",
    "::ffff:127.0.0.1",
    "::127.0.0.1",
    "64:ff9b::808:808",
    "64:ff9b:1::a00:1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1111%eth0",
    "fec0::1",
    "ff02::1",
    "3fff::1",
    "no address",
    "2130706433",
    "",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_admitted(address: str) -> None:
    assert AddressRules().admit(address)
    assert not AddressRules(may_be_public=False, may_be_loopback=True).admit(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_every_other_address_is_refused(address: str) -> None:
    assert not AddressRules().admit(address)


def test_loopback_alone_is_admitted_where_that_is_allowed() -> None:
    rules = AddressRules(may_be_loopback=True)
    admitted = [address for address in NOT_PUBLIC if rules.admit(address)]
    assert admitted == ["127.0.0.1", "::1"]
