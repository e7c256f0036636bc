"""The simulator's routes, as docs/CARRIER.md has them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from fastapi import FastAPI, Request, Response
from standardwebhooks.webhooks import Webhook

from providers.carrier_simulator.requests import new_shipment
from providers.carrier_simulator.routes import route_to
from providers.carrier_simulator.shipments import (
    DELIVER,
    DISPATCH,
    SHIPMENT,
    Pace,
    Shipments,
    shown,
)
from providers.simulation.config import SimulatorConfig
from providers.simulation.service import Simulator
from providers.simulation.store import Answer
from providers.simulation.webhooks import Sign


def carrier_simulator(config: SimulatorConfig, pace: Pace) -> FastAPI:
    simulator = Simulator(config, _signer(config.webhook_secret))
    shipments = Shipments(simulator.store, simulator.webhooks, pace)
    simulator.handlers[DISPATCH] = shipments.dispatch
    simulator.handlers[DELIVER] = shipments.deliver
    app = simulator.app()
    _add_changes(app, simulator, shipments)
    _add_lookups(app, simulator, shipments)
    return app


def _add_changes(app: FastAPI, simulator: Simulator, shipments: Shipments) -> None:
    @app.post("/v1/shipments")
    async def create(request: Request) -> Response:
        wanted = await new_shipment(request)
        fault = route_to(wanted.postal_code).fault
        return await simulator.change(request, "create", lambda: shipments.create(wanted), fault)

    @app.post("/v1/shipments/{shipment_id}/cancel")
    async def cancel(request: Request, shipment_id: str) -> Response:
        return await simulator.change(request, "cancel", lambda: shipments.cancel(shipment_id))


def _add_lookups(app: FastAPI, simulator: Simulator, shipments: Shipments) -> None:
    @app.get("/v1/shipments/{shipment_id}")
    async def retrieve(request: Request, shipment_id: str) -> Response:
        return await simulator.look(
            request, lambda: Answer(200, json.dumps(shown(shipments.load(shipment_id))))
        )

    @app.get("/v1/shipments")
    async def find(request: Request, reference: str) -> Response:
        def found() -> Answer:
            held = simulator.store.owned(SHIPMENT, reference)
            return Answer(200, json.dumps({"data": [shown(shipment) for shipment in held]}))

        return await simulator.look(request, found)


def _signer(secret: str) -> Sign:
    webhook = Webhook(secret)

    def sign(event_id: str, body: str) -> dict[str, str]:
        now = datetime.now(UTC)
        return {
            "webhook-id": event_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": webhook.sign(event_id, now, body),
        }

    return sign
