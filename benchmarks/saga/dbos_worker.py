"""Run the peer on DBOS: a process that receives orders and notifications over HTTP.

It runs the steps of the naive peer, each as a step of DBOS, in one workflow. DBOS needs no child
workflow for the payment. Its state is in the same database, in a separate schema.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final, TypeVar

import uvicorn
from dbos import DBOS, DBOSConfig, SetWorkflowID
from fastapi import FastAPI, Response

from benchmarks.saga.steps import Steps, opened_steps
from domain.order.commands import PlaceOrder
from domain.provider_notifications import ShipmentNotificationKind
from kit.command import run_command
from settings import Settings, load_settings
from stack.ports import LOOPBACK
from temporal.client import deadlines

KEEP_ALIVE_SECONDS: Final = 60
"""Longer than the driver keeps an idle connection, which waits while the other side runs."""
DISPATCHED, DELIVERED = ShipmentNotificationKind.DISPATCHED, ShipmentNotificationKind.DELIVERED
A = TypeVar("A")
R = TypeVar("R")


class OrderSaga:
    def __init__(self, steps: Steps, settings: Settings) -> None:
        self._steps = steps
        self._deadlines = deadlines(settings)

    async def run(self, order: PlaceOrder) -> None:
        steps, order_id = self._steps, order.aggregate_id
        await _do(steps.place, order)
        await _do(steps.reserve, order_id)
        await _do(steps.request_payment, order_id)
        hold = await _do(steps.authorize, order_id)
        await _do(steps.record_authorization, hold)
        shipment = await _do(steps.create_shipment, order_id)
        await _do(steps.record_shipment, shipment)
        heard = await _hear({DISPATCHED, DELIVERED}, self._deadlines.dispatch)
        await _do(steps.record_dispatch, order_id)
        await _do(steps.capture, hold)
        await _do(steps.record_capture, order_id)
        if heard is not DELIVERED:
            await _hear({DELIVERED}, self._deadlines.delivery)
        await _do(steps.deliver, order_id)
        await DBOS.sleep_async(self._deadlines.return_window.total_seconds())
        await _do(steps.complete, order_id)


async def _do(step: Callable[[A], Coroutine[Any, Any, R]], argument: A) -> R:
    return await DBOS.run_step_async({"name": step.__name__}, step, argument)


async def _hear(
    awaited: set[ShipmentNotificationKind], deadline: timedelta
) -> ShipmentNotificationKind:
    """Wait for one of these notifications. A delivered parcel was dispatched as well."""
    while (heard := await DBOS.recv_async(timeout_seconds=deadline.total_seconds())) is not None:
        if (notification := ShipmentNotificationKind(heard)) in awaited:
            return notification
    raise TimeoutError(awaited)


def app(settings: Settings) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opened_steps(settings) as steps:
            app.state.saga = OrderSaga(steps, settings)
            DBOS(config=_config(settings))
            DBOS.launch()
            yield
            DBOS.destroy()

    app = FastAPI(lifespan=lifespan)

    @DBOS.workflow()
    async def order_saga(order_json: str) -> None:
        saga: OrderSaga = app.state.saga
        await saga.run(PlaceOrder.model_validate_json(order_json))

    @app.get("/healthz")
    async def alive() -> Response:
        return Response()

    @app.post("/orders")
    async def place(order: PlaceOrder) -> Response:
        with SetWorkflowID(order.aggregate_id):
            await DBOS.start_workflow_async(order_saga, order.model_dump_json())
        return Response(status_code=202)

    @app.post("/orders/{order_id}/notifications/{notification}")
    async def hear(order_id: str, notification: ShipmentNotificationKind) -> Response:
        await DBOS.send_async(order_id, notification.value)
        return Response(status_code=202)

    return app


def _config(settings: Settings) -> DBOSConfig:
    url = settings.database_url.get_secret_value()
    return {
        "name": "waybill-peer",
        "system_database_url": url.replace("+asyncpg", "", 1),
        "console_log_level": "WARNING",
    }


if __name__ == "__main__":
    run_command(
        lambda: uvicorn.run(
            app(load_settings()),
            host=LOOPBACK,
            port=int(sys.argv[1]),
            access_log=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
    )
