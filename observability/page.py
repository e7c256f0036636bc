"""Serve `/metrics` in the text format of Prometheus."""

from __future__ import annotations

from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from kit.kept import Kept

KEPT_SECONDS: Final = 1.0
"""A page is made at most once in this time, so that many scrapes do not load the database."""


async def metrics(request: Request) -> Response:
    page: Kept[bytes] = request.app.state.metrics
    return Response(await page.get(), media_type=CONTENT_TYPE_LATEST)


def text_of(*registries: CollectorRegistry) -> bytes:
    return b"".join(map(generate_latest, registries))
