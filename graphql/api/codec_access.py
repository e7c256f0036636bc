"""Decide who may decrypt Temporal's payloads."""

from __future__ import annotations

from ipaddress import ip_address

from starlette.requests import Request

from api.auth import Authenticator
from settings import Environment, Settings


class Forbidden(Exception):
    def __init__(self) -> None:
        super().__init__("payloads are for operators and admins: sign in as one")


class CodecAccess:
    """Admit operators and admins by their token.

    The embedded Web UI cannot send a token. In development it needs none: a request from this
    machine is admitted if its `Origin` header names the UI. Any web page can send a request to
    loopback, but a browser lets no page forge another page's origin. A local program can forge it.
    On a machine that other people use, set WAYBILL_TEMPORAL_UI_ORIGIN, which ends this exception.
    """

    def __init__(self, settings: Settings, authenticator: Authenticator) -> None:
        self._authenticator = authenticator
        self._trusted = _trusted_origins(settings)

    def check(self, request: Request) -> None:
        """Raise Unauthenticated or Forbidden unless the request is admitted."""
        header = request.headers.get("authorization")
        if header is None and self._is_embedded_ui(request):
            return
        if not self._authenticator.viewer(header).is_staff:
            raise Forbidden

    def _is_embedded_ui(self, request: Request) -> bool:
        return request.headers.get("origin") in self._trusted and _is_local(request)


def origins(settings: Settings) -> list[str]:
    """Return the origins of Temporal's Web UI. A browser hides the responses from other pages."""
    if settings.temporal_ui_origin:
        return [settings.temporal_ui_origin.rstrip("/")]
    return [f"http://{host}:{settings.temporal_ui_port}" for host in ("127.0.0.1", "localhost")]


def _trusted_origins(settings: Settings) -> list[str]:
    embedded = not settings.temporal_ui_origin
    in_development = settings.environment is Environment.DEVELOPMENT
    return origins(settings) if embedded and in_development else []


def _is_local(request: Request) -> bool:
    return request.client is not None and ip_address(request.client.host).is_loopback
