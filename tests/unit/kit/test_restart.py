"""A job starts again after a fault that may pass, and after no other."""

from __future__ import annotations

import asyncio
import logging

import asyncpg
import pytest

from kit import restart
from kit.restart import is_database_away, restarting
from kit.tasks import together


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restart, "FIRST_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(restart, "MAX_PAUSE_SECONDS", 0.0)


class Job:
    """Raise these faults one after the other, and then run on."""

    def __init__(self, *faults: Exception) -> None:
        self._faults = list(faults)
        self.runs = asyncio.Event()

    async def run(self) -> None:
        if self._faults:
            raise self._faults.pop(0)
        self.runs.set()
        await asyncio.Event().wait()

    async def run_beside_another(self) -> None:
        await together(self.run(), asyncio.Event().wait())


AWAY = (
    ConnectionRefusedError(111, "Connection refused"),
    asyncpg.CannotConnectNowError("the database system is starting up"),
    asyncpg.DiskFullError("No space left on device"),
    asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT in a read-only transaction"),
    asyncpg.TransactionTimeoutError("terminating connection due to transaction timeout"),
    asyncpg.InterfaceError("connection is closed"),
)


@pytest.mark.parametrize("beside_another", [False, True])
async def test_each_fault_of_a_server_costs_one_line_and_the_job_runs_again(
    caplog: pytest.LogCaptureFixture, beside_another: bool
) -> None:
    job = Job(*AWAY)
    run = job.run_beside_another if beside_another else job.run
    task = asyncio.create_task(restarting("following the log", run, is_database_away))
    await asyncio.wait_for(job.runs.wait(), 5)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * len(AWAY)
    assert all(record.exc_info is None for record in caplog.records)
    assert caplog.messages[0] == (
        "following the log: ConnectionRefusedError: [Errno 111] Connection refused;"
        " trying again in 0 s"
    )


@pytest.mark.parametrize(
    "fault",
    [
        KeyError("position"),
        asyncpg.UndefinedTableError('relation "eventstore.event" does not exist'),
        asyncpg.InvalidPasswordError("password authentication failed"),
        asyncpg.exceptions.ClientConfigurationError("invalid DSN"),
    ],
)
@pytest.mark.parametrize("beside_another", [False, True])
async def test_any_other_fault_ends_it(fault: Exception, beside_another: bool) -> None:
    job = Job(fault)
    run = job.run_beside_another if beside_another else job.run
    with pytest.raises(type(fault)):
        await restarting("following the log", run, is_database_away)


async def test_a_fault_on_the_way_out_hides_no_cancellation() -> None:
    started = asyncio.Event()

    async def job() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise ConnectionResetError

    task = asyncio.create_task(restarting("following the log", job, is_database_away))
    await started.wait()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_a_job_that_survives_faults_logs_unexpected_tracebacks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    job = Job(AWAY[0], KeyError("position"))
    task = asyncio.create_task(restarting("the live feed", job.run))
    await asyncio.wait_for(job.runs.wait(), 5)
    task.cancel()
    await asyncio.wait([task])
    assert [record.exc_info is not None for record in caplog.records] == [False, True]
