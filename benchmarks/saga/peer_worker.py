"""Run the worker process of the peers on Temporal, set up as in worker.py."""

from __future__ import annotations

import asyncio

import uvloop

from benchmarks.saga.naive import NaiveOrderWorkflow, NaivePaymentWorkflow
from benchmarks.saga.noop import NoopWorkflow
from benchmarks.saga.steps import opened_steps
from kit.command import run_command
from kit.tasks import until_stopped
from roles.temporal_worker import temporal_worker
from settings import load_settings
from temporal.client import connect
from worker import STOP_WITHIN


async def main() -> None:
    settings = load_settings()
    client = await connect(settings)
    async with (
        opened_steps(settings) as steps,
        temporal_worker(
            client,
            settings.task_queue,
            steps.all,
            workflows=(NaiveOrderWorkflow, NaivePaymentWorkflow, NoopWorkflow),
            passed_through=("benchmarks",),
        ),
    ):
        await asyncio.Event().wait()


if __name__ == "__main__":
    run_command(lambda: uvloop.run(until_stopped(main(), STOP_WITHIN)))
