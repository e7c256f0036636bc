"""Parse a PostgreSQL URL once, for every driver that connects with it.

The spelling is libpq's: `postgresql://user:password@host1:5432,host2:5432/database?sslmode=...`.
SQLAlchemy's scheme `postgresql+asyncpg` is accepted too.
See https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Self
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

SCHEMES: Final = ("postgresql", "postgres", "postgresql+asyncpg")
OPTIONAL_TLS: Final = ("disable", "allow", "prefer")
ENCRYPTED: Final = ("require", "verify-ca", "verify-full")
SESSIONS: Final = ("any", "read-write", "read-only", "primary", "standby", "prefer-standby")
PARAMETERS: Final = (
    *("host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey", "target_session_attrs"),
)
DEFAULT_PORT: Final = 5432
SYSTEM_ROOTS: Final = "system"
"""The value of sslrootcert for the certificates that the machine trusts."""

_HOST: Final = re.compile(r"(?:\[([^\]]+)\]|([^:\[\]]+))(?::(\d{1,5}))?")

Tls = ssl.SSLContext | Literal["allow", "prefer", False]


class InvalidDatabaseUrl(ValueError):
    """The URL cannot be used. The message says why and never quotes a password."""


@dataclass(frozen=True)
class DatabaseUrl:
    """A database, and the servers that may hold it, in the order in which they are tried."""

    servers: tuple[tuple[str, int], ...]
    database: str
    user: str | None
    password: str | None = field(repr=False)
    tls: Tls
    target_session_attrs: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raise InvalidDatabaseUrl."""
        parts = _split(text)
        parameters = _parameters(parts)
        userinfo, _, hosts = parts.netloc.rpartition("@")
        user, _, password = userinfo.partition(":")
        servers = _servers(hosts, parameters)
        return cls(
            servers=servers,
            database=unquote(parts.path[1:]),
            user=unquote(user) or None,
            password=unquote(password) or None,
            tls=_tls(parameters),
            target_session_attrs=_session(parameters, servers),
        )

    def arguments(self, server: tuple[str, int]) -> dict[str, Any]:
        """Return the arguments of `asyncpg.connect` for one of the servers.

        Each is given, so that no `PG...` variable of the environment changes it.
        """
        host, port = server
        return {
            "host": host,
            "port": port,
            "user": self.user,
            "password": self.password,
            "database": self.database,
            "ssl": self.tls,
            "direct_tls": False,
            "target_session_attrs": self.target_session_attrs,
        }


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
    except ValueError:
        raise InvalidDatabaseUrl("is no URL: check its brackets") from None
    if parts.scheme not in SCHEMES:
        raise InvalidDatabaseUrl("must begin with postgresql://")
    if parts.fragment or "@" in parts.path + parts.query:
        raise InvalidDatabaseUrl(
            "has a user or password with a character that must be percent-encoded, such as / ? # @"
        )
    if not parts.path.strip("/"):
        raise InvalidDatabaseUrl("names no database: end it with /database")
    return parts


def _parameters(parts: SplitResult) -> Mapping[str, str]:
    """Return the parameters by name; one that is repeated is a list, as `host=a&host=b`."""
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in PARAMETERS:
            raise InvalidDatabaseUrl(
                f"has the unknown parameter {name}: there are {', '.join(PARAMETERS)}"
            )
        if not value:
            raise InvalidDatabaseUrl(f"has the parameter {name} without a value")
        parameters[name] = f"{parameters[name]},{value}" if name in parameters else value
    return parameters


def _servers(hosts: str, parameters: Mapping[str, str]) -> tuple[tuple[str, int], ...]:
    if hosts and "host" in parameters:
        raise InvalidDatabaseUrl("names its hosts twice: before the database and as host=")
    names = (hosts or parameters.get("host", "")).split(",")
    servers = [_server(unquote(name)) for name in names]
    return tuple(zip((host for host, _ in servers), _ports(servers, parameters), strict=True))


def _server(text: str) -> tuple[str, int | None]:
    if text.startswith("/"):  # the folder of a Unix socket
        return text, None
    if (match := _HOST.fullmatch(text)) is None:
        raise InvalidDatabaseUrl("must name each host as host or host:port, with commas between")
    return match[1] or match[2], int(match[3]) if match[3] else None


def _ports(
    servers: Sequence[tuple[str, int | None]], parameters: Mapping[str, str]
) -> Sequence[int]:
    given = parameters.get("port", str(DEFAULT_PORT)).split(",")
    if not all(port.isdecimal() for port in given) or len(given) not in (1, len(servers)):
        raise InvalidDatabaseUrl("must have one port=, or one for each host")
    defaults = [int(port) for port in given] * (len(servers) if len(given) == 1 else 1)
    ports = [
        default if port is None else port
        for (_, port), default in zip(servers, defaults, strict=True)
    ]
    if not all(0 < port < 2**16 for port in ports):
        raise InvalidDatabaseUrl("has a port that is not between 1 and 65535")
    return ports


def _session(parameters: Mapping[str, str], servers: Sequence[object]) -> str:
    """Return which server is wanted: of several, the one that takes writes."""
    wanted = parameters.get("target_session_attrs", "read-write" if len(servers) > 1 else "any")
    if wanted not in SESSIONS:
        raise InvalidDatabaseUrl(f"target_session_attrs must be one of {', '.join(SESSIONS)}")
    return wanted


def _tls(parameters: Mapping[str, str]) -> Tls:
    mode = parameters.get("sslmode", "prefer")
    if mode not in (*OPTIONAL_TLS, *ENCRYPTED):
        modes = ", ".join((*OPTIONAL_TLS, *ENCRYPTED))
        raise InvalidDatabaseUrl(f"sslmode must be one of {modes}")
    if mode in ENCRYPTED:
        return _context(mode, parameters)
    for name in ("sslrootcert", "sslcert", "sslkey"):
        if name in parameters:
            raise InvalidDatabaseUrl(f"{name} needs sslmode=verify-full, verify-ca or require")
    return False if mode == "disable" else "allow" if mode == "allow" else "prefer"


def _context(mode: str, parameters: Mapping[str, str]) -> ssl.SSLContext:
    """Make the TLS context. As in libpq, `require` with a root certificate verifies as `verify-ca`
    does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = mode == "verify-full"
    context.set_alpn_protocols(["postgresql"])
    roots = parameters.get("sslrootcert")
    if roots == SYSTEM_ROOTS:
        if mode != "verify-full":  # any host can have a certificate that the machine trusts
            raise InvalidDatabaseUrl(f"sslrootcert={SYSTEM_ROOTS} needs sslmode=verify-full")
        context.load_default_certs()
    elif roots is not None:
        _load("sslrootcert", roots, lambda: context.load_verify_locations(roots))
    elif mode == "require":
        context.verify_mode = ssl.CERT_NONE
    else:
        raise InvalidDatabaseUrl(f"sslmode={mode} needs sslrootcert: a file, or {SYSTEM_ROOTS}")
    _load_own_certificate(context, parameters)
    return context


def _load_own_certificate(context: ssl.SSLContext, parameters: Mapping[str, str]) -> None:
    certificate, key = parameters.get("sslcert"), parameters.get("sslkey")
    if certificate is None and key is None:
        return
    if certificate is None:
        raise InvalidDatabaseUrl("sslkey needs sslcert")
    if key is not None and not Path(key).is_file():
        raise InvalidDatabaseUrl(f"sslkey: there is no file {key}")
    # An encrypted key would have OpenSSL ask the terminal for its passphrase.
    _load("sslcert", certificate, lambda: context.load_cert_chain(certificate, key, lambda: ""))


def _load(name: str, file: str, load: Callable[[], object]) -> None:
    if not Path(file).is_file():
        raise InvalidDatabaseUrl(f"{name}: there is no file {file}")
    try:
        load()
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        raise InvalidDatabaseUrl(f"{name}: {file} cannot be read as PEM") from None
