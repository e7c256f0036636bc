"""Check the URL of a webhook, or of a push service, when it is registered.

The check where the socket connects is the one that protects; this one informs the caller at once.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import SplitResult, urlsplit

from domain.errors import ErrorCode, Refused
from notifications.webhooks.addresses import AddressRules
from notifications.webhooks.resolving import Resolve, resolve

MAX_CHARACTERS: Final = 2_000
RESOLVE_TIMEOUT_SECONDS: Final = 3.0
LOOPBACK_NAMES: Final = frozenset({"127.0.0.1", "::1", "localhost"})

_VISIBLE: Final = re.compile(r"[!-\[\]^-~]+")
"""ASCII without spaces and without the backslash, which some parsers read as a slash."""


class BadUrl(ValueError):
    """The message does not show the URL."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL whose form is right."""

    text: str
    is_tls: bool
    host: str
    port: int

    @classmethod
    def parse(cls, text: str, *, may_be_loopback: bool) -> Self:
        """Raises BadUrl."""
        if not 1 <= len(text) <= MAX_CHARACTERS or not _VISIBLE.fullmatch(text):
            raise BadUrl(
                f"give a URL of at most {MAX_CHARACTERS} ASCII characters without spaces; write the"
                " host's name in its ASCII form"
            )
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            raise BadUrl("this is no URL: give https:// and a host") from None
        _check(parts, port, may_be_loopback=may_be_loopback)
        is_tls = parts.scheme == "https"
        return cls(text, is_tls, parts.hostname or "", port or (443 if is_tls else 80))


class UrlRules:
    """The URLs to which this installation sends requests for others."""

    def __init__(
        self, *, may_be_loopback: bool, resolve_name: Resolve = resolve, field: str = "url"
    ) -> None:
        self._may_be_loopback = may_be_loopback
        self._resolve = resolve_name
        self._field = field
        """The field of the input that a refusal names."""

    async def check(self, text: str) -> None:
        """Raise Refused for a URL that may not be registered: nothing has been sent to it."""
        try:
            await self._check(text)
        except BadUrl as fault:
            message = f"{self._field}: {fault}"
            raise Refused(ErrorCode.INVALID_INPUT, message, (self._field,)) from None

    async def _check(self, text: str) -> None:
        target = Target.parse(text, may_be_loopback=self._may_be_loopback)
        try:
            async with asyncio.timeout(RESOLVE_TIMEOUT_SECONDS):
                addresses = await self._resolve(target.host, target.port)
        except (OSError, UnicodeError, TimeoutError):
            raise BadUrl("the host's name has no address: check its spelling") from None
        rules = AddressRules(may_be_public=target.is_tls, may_be_loopback=self._may_be_loopback)
        if not addresses or not all(map(rules.admit, addresses)):
            raise BadUrl("the host has an address that is not public: give a public host")


def _check(parts: SplitResult, port: int | None, *, may_be_loopback: bool) -> None:
    is_loopback = may_be_loopback and parts.hostname in LOOPBACK_NAMES
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback):
        raise BadUrl("requests are sent by https only: begin the URL with https://")
    if not parts.hostname or port == 0:
        raise BadUrl("this is no URL: give https:// and a host")
    if "@" in parts.netloc:
        raise BadUrl("leave user and password out: receivers check our signature instead")
    if parts.fragment or "#" in parts.geturl():
        raise BadUrl("leave out the part from # on: it is never sent")
