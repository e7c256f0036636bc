"""The simulator's routes, as docs/CARRIER.md defines them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime

from fastapi import FastAPI, Request, Response
from standardwebhooks.webhooks import Webhook

from providers.carrier_simulator.control import add_control
from providers.carrier_simulator.requests import NewReturn, NewShipment, body_of
from providers.carrier_simulator.returns import BRING_BACK, RETURN, Returns, shown_return
from providers.carrier_simulator.routes import route_to
from providers.carrier_simulator.shipments import (
    DELIVER,
    DISPATCH,
    SHIPMENT,
    Pace,
    Shipments,
    shown,
)
from providers.references import order_of
from providers.simulation.config import SimulatorConfig
from providers.simulation.service import Simulator
from providers.simulation.store import Answer, Document
from providers.simulation.webhooks import Sign


def carrier_simulator(config: SimulatorConfig, pace: Pace) -> FastAPI:
    simulator = Simulator(config, _signer(config.webhook_secret))
    shipments = Shipments(simulator.store, simulator.webhooks, pace)
    returns = Returns(simulator.store, simulator.webhooks, pace.deliver_after)
    simulator.handlers[DISPATCH] = shipments.dispatch
    simulator.handlers[DELIVER] = shipments.deliver
    simulator.handlers[BRING_BACK] = returns.bring_back
    app = simulator.app()
    _add_changes(app, simulator, shipments)
    _add_lookups(app, simulator, shipments)
    _add_returns(app, simulator, returns)
    add_control(app, simulator, shipments, returns)
    return app


def _add_changes(app: FastAPI, simulator: Simulator, shipments: Shipments) -> None:
    @app.post("/v1/shipments")
    async def create(request: Request) -> Response:
        wanted = await body_of(request, NewShipment)
        fault = route_to(wanted.postal_code).fault
        return await simulator.change(
            request,
            wanted.operation,
            lambda: shipments.create(wanted),
            fault,
            order_of(wanted.reference),
        )

    @app.post("/v1/shipments/{shipment_id}/cancel")
    async def cancel(request: Request, shipment_id: str) -> Response:
        return await simulator.change(
            request,
            "cancel",
            lambda: shipments.cancel(shipment_id),
            order_id=shipments.order_of(shipment_id),
        )


def _add_lookups(app: FastAPI, simulator: Simulator, shipments: Shipments) -> None:
    @app.get("/v1/shipments/{shipment_id}")
    async def retrieve(request: Request, shipment_id: str) -> Response:
        return await simulator.look(
            request,
            lambda: Answer(200, json.dumps(shown(shipments.load(shipment_id)))),
            shipments.order_of(shipment_id),
        )

    @app.get("/v1/shipments")
    async def find(request: Request, reference: str) -> Response:
        def found() -> Answer:
            return _list(map(shown, simulator.store.owned(SHIPMENT, reference)))

        return await simulator.look(request, found, order_of(reference))


def _add_returns(app: FastAPI, simulator: Simulator, returns: Returns) -> None:
    @app.post("/v1/returns")
    async def create_return(request: Request) -> Response:
        wanted = await body_of(request, NewReturn)
        return await simulator.change(
            request, "return", lambda: returns.create(wanted), order_id=order_of(wanted.reference)
        )

    @app.get("/v1/returns/{return_id}")
    async def retrieve_return(request: Request, return_id: str) -> Response:
        return await simulator.look(
            request,
            lambda: Answer(200, json.dumps(shown_return(returns.load(return_id)))),
            returns.order_of(return_id),
        )

    @app.get("/v1/returns")
    async def find_return(request: Request, reference: str) -> Response:
        def found() -> Answer:
            return _list(map(shown_return, simulator.store.owned(RETURN, reference)))

        return await simulator.look(request, found, order_of(reference))


def _list(documents: Iterable[Document]) -> Answer:
    return Answer(200, json.dumps({"data": list(documents)}))


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
