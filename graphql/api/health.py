"""The checks of the API. It is ready when it can accept orders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from temporalio.client import Client

from eventbus import record
from eventbus.buses import require_answer
from eventstore import head
from eventstore.checkpoint import COMPARED
from eventstore.heartbeat import beat
from eventstore.stored_format import require_readable
from kit.pool import Pool
from observability.check import PROBE_TIMEOUT, Check
from providers.breaker import Breaker
from queries import dead_letters
from queries.bus import BusQueries
from queries.dead_letters import DeadLetterQueries
from queries.log import LogQueries
from queries.projections import ProjectionQueries
from queries.replica import ReplicaWatch
from queries.webhooks import WebhookQueries
from queries.workers import WorkerQueries
from settings import Bus, Settings
from stored_format import OtherStoredFormatError
from temporal.promote import current_build

MAX_SILENCE: Final = timedelta(seconds=15)
"""The longest time without a polling worker, and without a leader of a role."""
MAX_LAG: Final = timedelta(seconds=30)
"""The longest time for which an append may hold the safe head, or an event wait for the relay."""
MISSED_RUNS: Final = 10
MIN_RECONCILIATION_LAG: Final = timedelta(minutes=5)
"""The reconciliation may lag for MISSED_RUNS of its intervals, and at least for this time."""


def checks(settings: Settings, probes: Probes) -> dict[str, Check]:
    """Return all checks. Those of the bus and of the replica are left out without them."""
    found = {
        "database": Check(probes.database, required=True),
        "temporal": Check(probes.temporal, required=True),
        "workers": Check(probes.polling, required=True),
        "head": Check(probes.safe_head, required=False, grace=MAX_SILENCE),
        "checkpoints": Check(probes.checkpoints, required=False),
        "projections": Check(probes.projections, required=False, grace=MAX_SILENCE),
        "reconciliation": Check(probes.reconciliation, required=False),
        "dead_letters": Check(probes.dead_letters, required=False),
        "webhooks": Check(probes.webhooks, required=False, grace=MAX_SILENCE),
    }
    if settings.bus is not Bus.MEMORY:
        found["bus"] = Check(probes.bus, required=False)
        found["relay"] = Check(probes.relay, required=False, grace=MAX_SILENCE)
    if probes.carrier is not None:
        found["carrier"] = Check(probes.carrier_calls, required=False)
    if probes.replica is not None:
        found["replica"] = Check(probes.read_replica, required=False)
    return found


@dataclass(frozen=True, slots=True)
class Probes:
    settings: Settings
    pool: Pool
    client: Client
    log: LogQueries
    workers: WorkerQueries
    bus_state: BusQueries
    projection_states: ProjectionQueries
    letters: DeadLetterQueries
    webhook_states: WebhookQueries
    carrier: Breaker | None = None
    """The breaker of the calls by which this process asks the carrier about a notification."""
    replica: ReplicaWatch | None = None

    async def database(self) -> str | None:
        try:
            await require_readable(self.pool)
        except OtherStoredFormatError as error:
            return str(error)
        await beat(self.pool)
        return None

    async def temporal(self) -> None:
        await self.client.service_client.check_health(timeout=PROBE_TIMEOUT)

    async def polling(self) -> str | None:
        build = await current_build(self.client)
        seconds = await self.workers.seconds_since_poll(self.settings.task_queue, build)
        if seconds is not None and seconds <= MAX_SILENCE.total_seconds():
            return None
        whose = f"of the current build {build}" if build else "without a build (none is current)"
        since = "ever polled" if seconds is None else f"polled for {seconds:.0f} s"
        return f"no worker {whose} has {since}"

    async def safe_head(self) -> str | None:
        age = await self.log.safe_head_age()
        if age > MAX_LAG.total_seconds():
            return f"an append has held the safe head back for {age:.0f} s"
        return None if await self.workers.is_led(head.NAME) else "no worker announces the safe head"

    async def checkpoints(self) -> str | None:
        return "; ".join(map(str, await self.log.lost_checkpoints())) or None

    async def reconciliation(self) -> str | None:
        limit = max(MISSED_RUNS * self.settings.reconcile_every, MIN_RECONCILIATION_LAG)
        lag = await self.workers.lag_seconds(COMPARED)
        if lag <= limit.total_seconds():
            return None
        return f"the providers' records have not been compared with the log for {lag:.0f} s"

    async def projections(self) -> str | None:
        limit = self.settings.projection_max_lag.total_seconds()
        for status in await self.projection_states.statuses():
            if status.problem is not None:
                return status.problem
            if status.lag is not None and status.lag.seconds > limit:
                return f"{status.name}: an event has waited for {status.lag.seconds:.0f} s"
        return None

    async def dead_letters(self) -> str | None:
        return dead_letters.problem(await self.letters.figures())

    async def webhooks(self) -> str | None:
        figures = await self.webhook_states.figures()
        unsent = figures.enabled - figures.led
        return f"no worker sends {unsent} of the webhooks" if unsent else None

    async def read_replica(self) -> str | None:
        problem = None if self.replica is None else self.replica.problem
        return None if problem is None else f"the primary serves all reads: {problem}"

    async def carrier_calls(self) -> str | None:
        return None if self.carrier is None else self.carrier.problem

    async def bus(self) -> str | None:
        await require_answer(self.settings)
        return (await self.bus_state.state()).problem

    async def relay(self) -> str | None:
        lag = await self.workers.lag_seconds(record.NAME)
        if lag > MAX_LAG.total_seconds():
            return f"an event has waited for {lag:.0f} s to be relayed to the bus"
        return None if await self.workers.is_led(record.NAME) else "no worker relays the log"
