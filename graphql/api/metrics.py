"""`/metrics`, in the text format of Prometheus. What the database knows is asked at each scrape."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.context import Services
from observability.metrics import REGISTRY, SAFE_HEAD_AGE

router = APIRouter()


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """A database that cannot be asked fails the scrape, which is what an alert looks for."""
    services: Services = request.app.state.services
    SAFE_HEAD_AGE.set(await services.log.safe_head_age())
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)
