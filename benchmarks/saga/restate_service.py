"""Run the peer on Restate: `python -m benchmarks.saga.restate_service PORT`.

It runs the steps of the other peers, each as a `ctx.run` of one workflow, as Restate's
documentation writes a saga: a list of compensations that a TerminalError runs newest first, and a
durable promise or a timer for each wait. https://docs.restate.dev/guides/sagas
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, get_type_hints

import restate
import uvloop
from hypercorn.asyncio import serve
from hypercorn.config import Config

from benchmarks.saga.steps import Steps, opened_steps
from domain.order.commands import PlaceOrder
from kit.command import run_command
from kit.tasks import until_stopped
from providers.errors import ProviderRefused
from settings import Settings, load_settings
from stack.ports import LOOPBACK
from temporal.client import deadlines
from worker import STOP_WITHIN

NAME = "OrderSaga"
DISPATCHED, DELIVERED = "dispatched", "delivered"

Step = Callable[..., Coroutine[Any, Any, Any]]


class OrderSaga:
    def __init__(self, steps: Steps, settings: Settings) -> None:
        self._steps = steps
        self._deadlines = deadlines(settings)

    async def run(self, ctx: restate.WorkflowContext, order_json: str) -> str:
        order = PlaceOrder.model_validate_json(order_json)
        await _do(ctx, self._steps.place, order)
        undos: list[Step] = []
        try:
            await self._forward(ctx, order.aggregate_id, undos)
        except restate.TerminalError:
            await self._compensate(ctx, order.aggregate_id, undos)
            return "cancelled"
        return "completed"

    async def _forward(
        self, ctx: restate.WorkflowContext, order_id: str, undos: list[Step]
    ) -> None:
        steps = self._steps
        undos.append(steps.release)
        await _do(ctx, steps.reserve, order_id)
        await _do(ctx, steps.request_payment, order_id)
        undos.append(steps.void)
        hold = await _do(ctx, steps.authorize, order_id)
        await _do(ctx, steps.record_authorization, hold)
        undos.append(steps.cancel_shipment)
        shipment = await _do(ctx, steps.create_shipment, order_id)
        await _do(ctx, steps.record_shipment, shipment)
        await _hear(ctx, DISPATCHED, self._deadlines.dispatch)
        undos.clear()  # the parcel has left
        await _do(ctx, steps.record_dispatch, order_id)
        await _do(ctx, steps.capture, hold)
        await _do(ctx, steps.record_capture, order_id)
        await _hear(ctx, DELIVERED, self._deadlines.delivery)
        await _do(ctx, steps.deliver, order_id)
        await ctx.sleep(self._deadlines.return_window)
        await _do(ctx, steps.complete, order_id)

    async def _compensate(
        self, ctx: restate.WorkflowContext, order_id: str, undos: list[Step]
    ) -> None:
        for undo in (self._steps.start_compensation, *reversed(undos), self._steps.cancel):
            await _do(ctx, undo, order_id)


async def _do(ctx: restate.WorkflowContext, step: Step, argument: object) -> Any:  # noqa: ANN401 - the step's
    async def once() -> Any:  # noqa: ANN401 - the step's
        try:
            return await step(argument)
        except ProviderRefused as refused:
            raise restate.TerminalError(f"{refused}") from None

    options = restate.RunOptions(type_hint=get_type_hints(step)["return"])
    return await ctx.run_typed(step.__name__, once, options)


async def _hear(ctx: restate.WorkflowContext, name: str, deadline: timedelta) -> None:
    match await restate.select(
        heard=ctx.promise(name, type_hint=str).value(), late=ctx.sleep(deadline)
    ):
        case ["late", _]:
            raise restate.TerminalError(f"the parcel was not {name} in time")


def service(steps: Steps, settings: Settings) -> restate.Workflow:
    saga, workflow = OrderSaga(steps, settings), restate.Workflow(NAME)

    @workflow.main()
    async def run(ctx: restate.WorkflowContext, order_json: str) -> str:
        return await saga.run(ctx, order_json)

    @workflow.handler()
    async def dispatched(ctx: restate.WorkflowSharedContext) -> None:
        await ctx.promise(DISPATCHED, type_hint=str).resolve(DISPATCHED)

    @workflow.handler()
    async def delivered(ctx: restate.WorkflowSharedContext) -> None:
        """A delivered parcel was dispatched as well."""
        await ctx.promise(DISPATCHED, type_hint=str).resolve(DISPATCHED)
        await ctx.promise(DELIVERED, type_hint=str).resolve(DELIVERED)

    return workflow


async def main() -> None:
    settings, config = load_settings(), Config()
    config.bind = [f"{LOOPBACK}:{sys.argv[1]}"]
    async with opened_steps(settings) as steps:
        app = restate.app([service(steps, settings)])
        await serve(app, config, shutdown_trigger=asyncio.Event().wait)


if __name__ == "__main__":
    run_command(lambda: uvloop.run(until_stopped(main(), STOP_WITHIN)))
