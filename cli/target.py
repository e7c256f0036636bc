"""The deployment that a command addresses, and the token by which it does so."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

from cli.errors import WrongUsage
from cli.local_secrets import VARIABLE, local_port, local_secret

DEFAULT_PORT: Final = "8000"
DEFAULT_ROLE: Final = "operator"
ROLES: Final = ("customer", "operator", "admin")
LIFETIME: Final = timedelta(minutes=15)
"""The lifetime of a token that is signed here. A command that runs longer signs another one."""

_TOKEN: Final = re.compile(r"[\w.~+/=-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Target:
    """The options that every command shares."""

    url: str
    token: str | None = field(default=None, repr=False)
    role: str | None = None
    subject: str | None = None
    timeout: float = 20.0

    def __post_init__(self) -> None:
        """Raise WrongUsage for an address that is none, and for a token beside a role."""
        try:
            parts = urlsplit(self.url)
            is_address = bool(parts.scheme in {"http", "https"} and parts.hostname)
            is_address &= not (parts.query or parts.fragment or parts.username)
            _ = parts.port
        except ValueError:
            is_address = False
        if not is_address:
            raise WrongUsage("--url: pass an address such as https://waybill.example")
        if self.token is not None and not _TOKEN.fullmatch(self.token):
            raise WrongUsage("--token: it is no token: pass the text that `waybill token` prints")
        if self.token is not None and (self.role or self.subject):
            raise WrongUsage(
                "--role and --sub are for a token that is signed here, and a token is given: leave "
                "them out, or unset WAYBILL_TOKEN"
            )
        if self.role is not None:
            require_role(self.role)

    @property
    def base(self) -> str:
        return self.url.rstrip("/")


def require_role(name: str) -> None:
    """Raise WrongUsage for a name that is not a role."""
    if name not in ROLES:
        raise WrongUsage(f"--role: {name!r} is not a role: {', '.join(ROLES)}")


def default_url() -> str:
    """Return the address of the embedded stack, or of an API on its default port."""
    port = local_port()
    return f"http://127.0.0.1:{port if port.isdecimal() else DEFAULT_PORT}"


def signed(target: Target, lifetime: timedelta) -> str:
    """Return a token that is signed on this machine. Raises WrongUsage without a secret."""
    secret = local_secret(target.url)
    if not secret:
        raise WrongUsage(
            f"there is no token: pass --token, or set WAYBILL_TOKEN, or {VARIABLE} to sign one"
        )
    from kit.tokens import Role, token  # noqa: PLC0415 - it loads the cryptography

    role = Role(target.role or DEFAULT_ROLE)
    return token(secret, role, target.subject or f"cli-{role}", lifetime)


@dataclass(slots=True)
class Credentials:
    """The token of a command, signed anew before it expires if it was signed here."""

    target: Target
    _signed: str = field(default="", repr=False)
    _until: float = 0.0

    @property
    def is_renewable(self) -> bool:
        return self.target.token is None

    def header(self) -> str:
        """Return the value of the header `Authorization`. Raises WrongUsage without a secret."""
        return f"Bearer {self.target.token or self._own()}"

    def _own(self) -> str:
        if not self._signed or monotonic() > self._until:
            self._signed = signed(self.target, LIFETIME)
            self._until = monotonic() + LIFETIME.total_seconds() / 2
        return self._signed
