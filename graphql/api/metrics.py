"""`/metrics`, in the text format of Prometheus. What the database knows is asked at each scrape."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.context import Services
from observability.metrics import (
    BOOKS_LAG,
    CHECKPOINTS_ABOVE_HEAD,
    ORDERS_NOT_COMPARED,
    PARKED_SAGA_OLDEST,
    PARKED_SAGAS,
    REGISTRY,
    SAFE_HEAD_AGE,
    SAGA_DIFFERENCES,
    SAGAS_TAKEN_UP,
)
from queries.sagas import SagaFigures

router = APIRouter()


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """A database that cannot be asked fails the scrape, which is what an alert looks for."""
    services: Services = request.app.state.services
    SAFE_HEAD_AGE.set(await services.log.safe_head_age())
    CHECKPOINTS_ABOVE_HEAD.set(len(await services.log.lost_checkpoints()))
    _show(await services.sagas.figures())
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)


def _show(sagas: SagaFigures) -> None:
    PARKED_SAGAS.set(sagas.parked)
    PARKED_SAGA_OLDEST.set(sagas.oldest_seconds)
    SAGAS_TAKEN_UP.set(sagas.taken_up)
    ORDERS_NOT_COMPARED.set(sagas.not_compared)
    BOOKS_LAG.set(sagas.books_lag_seconds)
    for book, count in sagas.differences.items():
        SAGA_DIFFERENCES.labels(book.lower()).set(count)
