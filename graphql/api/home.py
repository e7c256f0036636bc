"""`/` in development: where everything is, and a first query. The control room replaces it."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from api.codec_access import origins
from settings import Settings

_PAGE: Final = Template(Path(__file__).with_name("home.html").read_text())
_HEADERS: Final = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}


def home(settings: Settings) -> APIRouter:
    router = APIRouter()
    page = _PAGE.substitute(
        url=f"http://localhost:{settings.http_port}", temporal_ui=origins(settings)[0]
    )

    @router.get("/")
    async def show() -> HTMLResponse:
        return HTMLResponse(page, headers=_HEADERS)

    return router
