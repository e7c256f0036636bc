"""The ports of the embedded stack. All are bound on loopback only."""

from __future__ import annotations

import errno
import random
import socket
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from itertools import cycle
from typing import Self

import psutil

from settings import Settings
from stack.errors import PortForbiddenError, PortSharedError, PortTakenError

LOOPBACK = "127.0.0.1"

# These ports are below every system's ephemeral range, so no outgoing connection takes one.
SPARE_PORTS = range(20_000, 32_000)


@dataclass(frozen=True)
class Ports:
    """One port for each server; the names are those of the settings."""

    http_port: int
    temporal_port: int
    temporal_ui_port: int
    postgres_port: int
    nats_port: int
    nats_monitor_port: int
    payment_simulator_port: int
    carrier_simulator_port: int
    smtp_port: int
    mail_sink_port: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(**{field.name: getattr(settings, field.name) for field in fields(cls)})

    @classmethod
    def free(cls) -> Self:
        """Return ports on which nothing listens now, for a stack of a test or a benchmark.

        A process gets a port again only after it has got all the others.
        """
        names = [field.name for field in fields(cls)]
        return cls(**dict(zip(names, filter(_is_free, _spare_ports()), strict=False)))

    @staticmethod
    def one_more() -> int:
        """Return a port of loopback on which nothing listens now."""
        return next(filter(_is_free, _spare_ports()))

    def as_environment(self) -> dict[str, str]:
        return {_setting(field.name): str(getattr(self, field.name)) for field in fields(self)}

    def require_free(self) -> None:
        """Raise PortSharedError, PortForbiddenError or PortTakenError for the first bad port."""
        settings: dict[int, str] = {}
        for field in fields(self):
            port, setting = getattr(self, field.name), _setting(field.name)
            if (first := settings.setdefault(port, setting)) != setting:
                raise PortSharedError(first, setting, port)
            _require_free(setting, port)


@cache
def _spare_ports() -> Iterator[int]:
    return cycle(random.SystemRandom().sample(SPARE_PORTS, len(SPARE_PORTS)))


def _setting(name: str) -> str:
    return f"WAYBILL_{name.upper()}"


def _require_free(setting: str, port: int) -> None:
    fault = _bind_fault(port)
    if fault == errno.EACCES:
        raise PortForbiddenError(setting, port)
    if fault == errno.EADDRINUSE:
        raise PortTakenError(setting, port, _holder(port))


def _is_free(port: int) -> bool:
    return _bind_fault(port) is None


def _bind_fault(port: int) -> int | None:
    """Return the error number with which the system refuses the port; None when it is free."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # The servers set this option too, so a port in TIME_WAIT from the last run is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return error.errno
            raise
    return None


def _holder(port: int) -> str | None:
    """Return the process that listens there, if this user may see it."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            local = connection.laddr
            if connection.status == psutil.CONN_LISTEN and local and local.port == port:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except (psutil.Error, OSError):
        pass
    return None
