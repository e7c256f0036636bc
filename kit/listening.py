"""Listen on a port, and refuse by name one that cannot be listened on."""

from __future__ import annotations

import socket


class CannotListen(Exception):
    """The message names the setting or option of the port, the address and the reason."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} cannot be listened on: {reason}")


def listening(name: str, host: str, port: int) -> socket.socket:
    """Return a socket that listens; `name` is the setting or option that holds the port.

    Raises CannotListen.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise CannotListen(name, error.strerror or str(error)) from None


def require_port(name: str, host: str, port: int) -> None:
    """Raise CannotListen unless the port is free, and is one that this user may listen on."""
    listening(name, host, port).close()
