"""Start the real servers, the two simulators and two workers once for all cases."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Final

import pytest
from temporalio.client import Client

from eventstore.postgres import PostgresEventStore
from kit.engine import create_engine
from kit.pool import create_pool
from projections.inline import InlineReadModels
from providers.stripe_payments import StripePayments
from queries.sagas import SagaQueries
from settings import DatabaseRole
from stack.databases import fresh_database
from stack.servers import Servers
from temporal.client import data_converter
from tests.conftest import beside
from tests.matrix.case_run import Journey, LeftBehind
from tests.matrix.cases import Case
from tests.matrix.checks import faults
from tests.matrix.report import Outcome, story, table
from tests.matrix.script import Scripts
from tests.matrix.worker import Surroundings, kept_alive, preloaded
from tests.matrix.world import World
from tests.support.keys import MASTER_KEY, PAYLOAD_KEY, PAYLOAD_KEYS
from tests.support.simulators import API_KEY, Receiver, simulator

logger = logging.getLogger(__name__)
AT_ONCE: Final = int(os.environ.get("MATRIX_AT_ONCE", "10"))
"""A case mostly waits: for a timeout, or until Temporal notices a dead worker."""
MAX_RUN_SECONDS: Final = 200
"""The time of a case with its checks."""
SHARED_QUEUE: Final = "matrix"
SHARED_WORKERS: Final = 2
_OUTCOMES: Final[list[Outcome]] = []
_STARTED: Final = time.monotonic()


@pytest.fixture(scope="session")
async def world(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    receiver = Receiver()
    payments = simulator("payment", tmp_path_factory.mktemp("payments"), receiver)
    carrier = simulator("carrier", tmp_path_factory.mktemp("carrier"), receiver)
    folder = tmp_path_factory.mktemp("scripts")
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(
            await asyncio.start_server(receiver.answer, "127.0.0.1", receiver.port)
        )
        for process in (payments, carrier):
            stack.enter_context(process.running())
            await process.ready()
        url = await stack.enter_async_context(
            fresh_database(servers.database_url, servers.owner_url)
        )
        pool = await stack.enter_async_context(await create_pool(url))
        engine = create_engine(url)
        stack.push_async_callback(engine.dispose)
        client = await Client.connect(
            servers.temporal_address,
            data_converter=data_converter(PAYLOAD_KEYS),
        )
        payment_client = StripePayments(API_KEY, payments.url)
        stack.push_async_callback(payment_client.close)
        surroundings = Surroundings(
            url,
            servers.temporal_address,
            payments.url,
            carrier.url,
            MASTER_KEY,
            PAYLOAD_KEY,
            folder,
        )
        processes = preloaded()
        for _ in range(SHARED_WORKERS):
            worker = kept_alive(processes, surroundings, SHARED_QUEUE)
            await stack.enter_async_context(worker)
        yield World(
            client=client,
            pool=pool,
            store=PostgresEventStore(pool, [InlineReadModels()]),
            sagas=SagaQueries(engine),
            payments=payments,
            carrier=carrier,
            payment_client=payment_client,
            receiver=receiver,
            scripts=Scripts(folder),
            surroundings=surroundings,
            processes=processes,
            shared_queue=SHARED_QUEUE,
            owner_url=beside(servers, DatabaseRole.MIGRATION, url),
        )


Results = dict[str, asyncio.Task[str]]


@pytest.fixture(scope="session")
async def results(request: pytest.FixtureRequest, world: World) -> AsyncIterator[Results]:
    """Return the faults of every selected case, by name. The cases run at the same time."""
    free = asyncio.Semaphore(AT_ONCE)
    cases = [case for item in request.session.items if (case := _case_of(item)) is not None]
    tasks = {case.name: asyncio.create_task(_run(world, case, free)) for case in cases}
    yield tasks
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)
    gc.collect()  # collect the SDK's reference cycles here, and not during pytest's own work


def _case_of(item: pytest.Item) -> Case | None:
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    case = parameters.get("case")
    return case if isinstance(case, Case) else None


async def _run(world: World, case: Case, free: asyncio.Semaphore) -> str:
    async with free:
        journey, began = Journey(world, case), time.monotonic()
        try:
            async with asyncio.timeout(MAX_RUN_SECONDS):
                await journey.travel()
                wrong = await faults(journey)
        except LeftBehind as left:
            wrong = [str(left)]
        except TimeoutError:
            wrong = [f"not checked after {MAX_RUN_SECONDS} s"]
        end = str((await journey.order_state()).status)
        end += " parked" if journey.parkings else ""
        seconds = time.monotonic() - began
        _OUTCOMES.append(Outcome(case, seconds, end, is_right=not wrong))
        if not wrong:
            return ""
        text = f"{case.name}\n{await story(journey, wrong)}"
        logger.error(text)  # at once; pytest reports it at the end
        return text


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _OUTCOMES:
        terminalreporter.section("the matrix")
        for line in table(_OUTCOMES, time.monotonic() - _STARTED):
            terminalreporter.write_line(line)
