"""What happens at the customer's bank: routes for tests, and the look-up of disputes."""

from __future__ import annotations

import json

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from providers.payment_simulator.disputes import DisputeChange, Disputes, NewDispute
from providers.payment_simulator.form import Form
from providers.payment_simulator.intents import Intents
from providers.simulation.service import Simulator
from providers.simulation.store import Answer, Document


class FailedRefunds(BaseModel):
    """Fail every refund of the order that stands."""

    model_config = ConfigDict(extra="forbid")

    order_id: str = Field(min_length=1)


def add_control(app: FastAPI, simulator: Simulator, intents: Intents) -> None:
    disputes = Disputes(simulator.store, simulator.webhooks, intents)

    @app.get("/v1/disputes")
    async def list_disputes(request: Request, payment_intent: str = "") -> Response:
        form = await Form.of(request)
        since = int(form.get("created[gte]", 0))

        def found() -> Answer:
            data = disputes.listed(payment_intent or None, since)
            listed = {"object": "list", "url": "/v1/disputes", "has_more": False, "data": data}
            return Answer(200, json.dumps(listed))

        order_id = intents.order_of(payment_intent) if payment_intent else ""
        return await simulator.look(request, found, order_id, "disputes")

    @app.post("/control/disputes")
    async def open_dispute(wanted: NewDispute) -> Document:
        with simulator.store.transaction():
            dispute = disputes.open(wanted)
        simulator.wake()
        return dispute

    @app.post("/control/disputes/{dispute_id}")
    async def change_dispute(dispute_id: str, change: DisputeChange) -> Document:
        with simulator.store.transaction():
            dispute = disputes.change(dispute_id, change)
        simulator.wake()
        return dispute

    @app.post("/control/failed_refunds")
    async def fail_refunds(wanted: FailedRefunds) -> Document:
        with simulator.store.transaction():
            failed = intents.fail_refunds(wanted.order_id)
        simulator.wake()
        return {"failed": failed}
