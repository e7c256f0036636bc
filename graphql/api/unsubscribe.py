"""`/unsubscribe/<token>`, to which the mails of this service link.

GET shows a page and changes nothing, because mail programs open links to check them. POST records
that the address gets no more mail: RFC 8058 lets a mail program send it with one click.
"""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api.context import Services
from kit.pool import CONNECTION_LOST
from notifications.suppressions import BadToken
from orchestrator.translation import Unavailable

_PAGE: Final = Template(Path(__file__).with_name("unsubscribe.html").read_text(encoding="utf-8"))
_FORM: Final = '<form method="post"><button>Unsubscribe · Abmelden</button></form>'
_ASK: Final = (
    "Do you want no more messages about your orders? "
    "Möchten Sie keine Nachrichten zu Ihren Bestellungen mehr?"
)
_DONE: Final = "You get no more messages. Sie erhalten keine Nachrichten mehr."
_BAD: Final = (
    "This link is not complete: copy it whole from the mail. "
    "Dieser Link ist unvollständig: Bitte kopieren Sie ihn ganz aus der Nachricht."
)
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}

router = APIRouter(prefix="/unsubscribe")


@router.get("/{token}")
async def show(request: Request, token: str) -> HTMLResponse:
    services: Services = request.app.state.services
    try:
        services.suppressions.check(token)
    except BadToken:
        return _page(_BAD, status=404)
    return _page(_ASK, _FORM)


@router.post("/{token}")
async def unsubscribe(request: Request, token: str) -> HTMLResponse:
    services: Services = request.app.state.services
    try:
        await services.suppressions.unsubscribe(token)
    except BadToken:
        return _page(_BAD, status=404)
    except CONNECTION_LOST:
        raise Unavailable("the database is unavailable; send it again") from None
    return _page(_DONE)


def _page(text: str, form: str = "", *, status: int = 200) -> HTMLResponse:
    return HTMLResponse(_PAGE.substitute(text=text, form=form), status, headers=_HEADERS)
