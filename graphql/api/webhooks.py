"""What providers tell us of their own accord: believed if signed, and passed on to the saga."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response

from domain.news import PaymentReported, ShipmentNews, ShipmentReported
from providers.carrier import ShipmentStatus
from providers.carrier_webhook import verify_carrier_webhook
from providers.payment_webhook import verify_payment_webhook
from settings import Settings
from workflows.orchestrator import SagaOrchestrator

ACKNOWLEDGED: Final = 204

_NEWS: Final = {
    ShipmentStatus.DISPATCHED: ShipmentNews.DISPATCHED,
    ShipmentStatus.DELIVERED: ShipmentNews.DELIVERED,
}
"""The saga waits for these; of the others it is the one who asks."""


def webhooks(settings: Settings) -> APIRouter:
    router = APIRouter(prefix="/webhooks")
    payment_secret = settings.payment_webhook_secret.get_secret_value()
    carrier_secret = settings.carrier_webhook_secret.get_secret_value()

    @router.post("/payments")
    async def payments(request: Request) -> Response:
        signature = request.headers.get("stripe-signature", "")
        news = verify_payment_webhook(await request.body(), signature, payment_secret)
        if news is not None:
            await _orchestrator(request).handle_event(PaymentReported(news.order_id, news.attempt))
        return Response(status_code=ACKNOWLEDGED)

    @router.post("/shipping")
    async def shipping(request: Request) -> Response:
        news = verify_carrier_webhook(await request.body(), request.headers, carrier_secret)
        if told := _NEWS.get(news.status):
            await _orchestrator(request).handle_event(ShipmentReported(news.order_id, told))
        return Response(status_code=ACKNOWLEDGED)

    return router


def _orchestrator(request: Request) -> SagaOrchestrator:
    orchestrator: SagaOrchestrator = request.app.state.services.orchestrator
    return orchestrator
