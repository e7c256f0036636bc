"""Who may have Temporal's payloads decrypted."""

from __future__ import annotations

from ipaddress import ip_address

from starlette.requests import Request

from api.auth import Authenticator
from settings import Environment, Settings


class Forbidden(Exception):
    def __init__(self) -> None:
        super().__init__("payloads are for operators and admins: sign in as one")


class CodecAccess:
    """Operators and admins, by their token.

    The embedded Web UI has no token to send. In development it may do without, from this machine
    and in a browser that says the request is the UI's: any page can send one to loopback, but none
    can write another's origin on it. A program of this machine could: where others work on it too,
    set WAYBILL_TEMPORAL_UI_ORIGIN, which ends the exception.
    """

    def __init__(self, settings: Settings, authenticator: Authenticator) -> None:
        self._authenticator = authenticator
        self._trusted = _trusted_origins(settings)

    def check(self, request: Request) -> None:
        """Raises Unauthenticated, or Forbidden."""
        header = request.headers.get("authorization")
        if header is None and self._is_embedded_ui(request):
            return
        if not self._authenticator.viewer(header).is_staff:
            raise Forbidden

    def _is_embedded_ui(self, request: Request) -> bool:
        return request.headers.get("origin") in self._trusted and _is_local(request)


def origins(settings: Settings) -> list[str]:
    """Where Temporal's Web UI is served from; a browser shows the answers to no other page."""
    if settings.temporal_ui_origin:
        return [settings.temporal_ui_origin.rstrip("/")]
    return [f"http://{host}:{settings.temporal_ui_port}" for host in ("127.0.0.1", "localhost")]


def _trusted_origins(settings: Settings) -> list[str]:
    embedded = not settings.temporal_ui_origin
    in_development = settings.environment is Environment.DEVELOPMENT
    return origins(settings) if embedded and in_development else []


def _is_local(request: Request) -> bool:
    return request.client is not None and ip_address(request.client.host).is_loopback
