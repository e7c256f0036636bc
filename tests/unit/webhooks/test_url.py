"""A webhook's URL is checked when it is registered, and its fault named without its content."""

from __future__ import annotations

import socket
from collections.abc import Sequence

import pytest

from domain.errors import ErrorCode, Refused
from notifications.webhooks.url import UrlRules

HTTPS = "begin the URL with https://"
NO_URL = "this is no URL"
CREDENTIALS = "leave user and password out"
FORM = "ASCII characters without spaces"
NOT_PUBLIC = "not public"
UNKNOWN = "has no address"


def rules(*addresses: str, may_be_loopback: bool = False) -> UrlRules:
    async def resolve(_: str, __: int) -> Sequence[str]:
        if not addresses:
            raise socket.gaierror
        return addresses

    return UrlRules(may_be_loopback=may_be_loopback, resolve_name=resolve)


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example.com/hooks",
        "https://shop.example.com",
        "HTTPS://SHOP.example.com:8443/a?b=c%20d",
        "https://93.184.216.34/",
        "https://[2606:4700::1111]:443/",
        "https://xn--bcher-kva.example/",
    ],
)
async def test_a_url_of_a_public_host_may_be_registered(url: str) -> None:
    await rules("93.184.216.34", "2606:4700::1111").check(url)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("", FORM),
        ("https://shop.example.com/a b", FORM),
        ("https://bücher.example/", FORM),
        ("https://shop.example.com\\@10.0.0.1/", FORM),
        ("https://shop.example.com/\n", FORM),
        ("https://shop.example.com/" + "a" * 2_000, FORM),
        ("http://shop.example.com/", HTTPS),
        ("http://127.0.0.1/", HTTPS),
        ("ftp://shop.example.com/", HTTPS),
        ("file:///etc/passwd", HTTPS),
        ("shop.example.com", HTTPS),
        ("//shop.example.com", HTTPS),
        ("https://", NO_URL),
        ("https:///path", NO_URL),
        ("https://:443/", NO_URL),
        ("https://shop.example.com:0/", NO_URL),
        ("https://shop.example.com:65536/", NO_URL),
        ("https://shop.example.com:x/", NO_URL),
        ("https://[::1/", NO_URL),
        ("https://user:password@shop.example.com/", CREDENTIALS),
        ("https://user@shop.example.com/", CREDENTIALS),
        ("https://@shop.example.com/", CREDENTIALS),
        ("https://shop.example.com/#part", "leave out the part from # on"),
    ],
)
async def test_any_other_url_is_refused_by_its_form(url: str, fault: str) -> None:
    with pytest.raises(Refused) as caught:
        await rules("93.184.216.34").check(url)
    assert (caught.value.code, caught.value.field) == (ErrorCode.INVALID_INPUT, ("url",))
    assert fault in caught.value.message
    assert "password@" not in caught.value.message


@pytest.mark.parametrize(
    "addresses",
    [["10.0.0.1"], ["93.184.216.34", "10.0.0.1"], ["::ffff:93.184.216.34"], ["127.0.0.1"]],
)
async def test_a_name_with_an_address_that_is_not_public_is_refused(addresses: list[str]) -> None:
    with pytest.raises(Refused, match=NOT_PUBLIC):
        await rules(*addresses).check("https://shop.example.com/")


async def test_a_name_without_an_address_is_refused() -> None:
    with pytest.raises(Refused, match=UNKNOWN):
        await rules().check("https://shop.example.com/")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
async def test_loopback_may_be_registered_without_tls_where_it_is_allowed(host: str) -> None:
    await rules("127.0.0.1", may_be_loopback=True).check(f"http://{host}:8000/hook")
    with pytest.raises(Refused, match=NOT_PUBLIC):
        await rules("10.0.0.1", may_be_loopback=True).check("http://localhost/hook")
    with pytest.raises(Refused, match="https only"):
        await rules("127.0.0.1", may_be_loopback=True).check("http://shop.example.com/hook")
