"""The pages on which the mails are read, and the routes for tests and checks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, HTTPException
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stack.mail_sink.faults import Fault, Faults
from stack.mail_sink.mails import Mails
from stack.mail_sink.server import smtp_server

SHOWN: Final = 200
"""The number of mails in the list."""
_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
)
# A page runs no script and loads nothing. The HTML of a mail may not even send a form.
_PAGE: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none';"
        " form-action 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
}
_MAIL: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class SinkConfig:
    host: str
    smtp_port: int
    folder: Path


def mail_sink(config: SinkConfig) -> FastAPI:
    mails, faults = Mails(config.folder), Faults()

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        async with smtp_server(config.host, config.smtp_port, mails, faults):
            yield

    app = FastAPI(lifespan=running, openapi_url=None)
    _add_pages(app, mails)
    _add_checks(app, mails, faults)
    return app


def _add_pages(app: FastAPI, mails: Mails) -> None:
    @app.get("/")
    async def index() -> HTMLResponse:
        shown = [_row(asdict(mail)) for mail in reversed(mails.all()[-SHOWN:])]
        return _page("mails.html", mails=shown, count=len(mails.all()))

    @app.get("/mails/{mail_id}")
    async def one(mail_id: str) -> HTMLResponse:
        message = _found(mails, mail_id)
        headers = [(name, str(value)) for name, value in message.items()]
        return _page("mail.html", id=mail_id, headers=headers, text=_part(message, "plain"))

    @app.get("/mails/{mail_id}/html")
    async def html(mail_id: str) -> HTMLResponse:
        return HTMLResponse(_part(_found(mails, mail_id), "html"), headers=_MAIL)


def _add_checks(app: FastAPI, mails: Mails, faults: Faults) -> None:
    @app.get("/healthz")
    async def healthz() -> Mapping[str, str]:
        return {"status": "ok"}

    @app.get("/mails")
    async def listed() -> list[dict[str, Any]]:
        return [asdict(mail) for mail in mails.all()]

    @app.post("/control", status_code=204)
    async def control(fault: Fault) -> None:
        faults.set(fault)

    @app.delete("/control", status_code=204)
    async def reset() -> None:
        faults.clear()


def _found(mails: Mails, mail_id: str) -> EmailMessage:
    message = mails.load(mail_id)
    if message is None:
        raise HTTPException(404)
    return message


def _part(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    return "" if part is None else str(part.get_content())


def _row(mail: dict[str, Any]) -> dict[str, Any]:
    arrived = datetime.fromtimestamp(int(mail["id"]) / 1e9, UTC)
    return mail | {"arrived": f"{arrived:%Y-%m-%d %H:%M:%S} UTC"}


def _page(template: str, **values: object) -> HTMLResponse:
    return HTMLResponse(_TEMPLATES.get_template(template).render(values), headers=_PAGE)
