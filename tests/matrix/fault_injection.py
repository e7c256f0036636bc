"""Add traps to a worker of the matrix, so that it follows each order's script."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

from temporalio import activity, client, worker
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from domain.idempotency import KeyUse
from domain.ids import order_of_workflow
from eventstore.envelope import AppendResult, StoredEvent
from eventstore.loaded import Decide, Wanted
from eventstore.postgres import PostgresEventStore
from kit.local_http import local_client
from kit.pool import Connection
from tests.matrix.script import Act, Phase, Script, Scripts

POLL_SECONDS: Final = 0.02
LOST_ANSWER: Final = "timeout_after"


class AnswerLost(Exception):
    """The connection broke, so that the outcome of the call is unknown."""


@dataclass(slots=True)
class Armed:
    """The script of the order whose activity is running, for one attempt of it."""

    order_id: str
    script: Script
    scripts: Scripts
    loses: bool = False
    """This attempt loses the answer that the script wants lost first."""
    answers: int = 0
    """The number of answers to the script's operation."""

    @property
    def meets_a_hang(self) -> bool:
        return self.loses or self.script.act is Act.PROVIDER

    async def at(self, phase: Phase) -> None:
        if phase is self.script.phase and self.scripts.spring(self.order_id):
            await self._act()

    async def answered(self, operation: str) -> None:
        if operation != self.script.operation or self.loses:
            return
        self.answers += 1
        if self.answers == self.script.nth:
            await self.at(Phase.DURING)

    async def _act(self) -> None:
        match self.script.act:
            case Act.KILL:
                os.kill(os.getpid(), signal.SIGKILL)
            case Act.FAIL:
                raise AnswerLost
            case Act.GATE:
                while not self.scripts.is_open(self.order_id):  # noqa: ASYNC110 - in a file
                    await asyncio.sleep(POLL_SECONDS)


_ARMED: ContextVar[Armed | None] = ContextVar("armed", default=None)


class Traps(client.Interceptor, worker.Interceptor):
    """Intercept activities. `simulators` holds the addresses by the names that scripts use."""

    def __init__(self, scripts: Scripts, simulators: Mapping[str, str]) -> None:
        self._scripts = scripts
        self._simulators = simulators

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        return _Trapped(next, self._scripts, self._simulators)


class _Trapped(ActivityInboundInterceptor):
    def __init__(
        self, following: ActivityInboundInterceptor, scripts: Scripts, simulators: Mapping[str, str]
    ) -> None:
        super().__init__(following)
        self._scripts = scripts
        self._simulators = simulators

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ANN401 - the SDK's
        info = activity.info()
        order_id = order_of_workflow(info.workflow_id or "")
        script = None if order_id is None else self._scripts.read(order_id)
        if order_id is None or script is None or script.activity != info.activity_type:
            return await super().execute_activity(input)
        armed = Armed(order_id, script, self._scripts)
        if script.act is Act.PROVIDER:
            self._scripts.spring(order_id)
        async with self._failing_provider(armed):
            _ARMED.set(armed)
            await armed.at(Phase.BEFORE)
            result = await super().execute_activity(input)
            await armed.at(Phase.AFTER)
            return result

    @asynccontextmanager
    async def _failing_provider(self, armed: Armed) -> AsyncIterator[None]:
        """Let the provider fail while the attempt runs, and not for other activities."""
        script, order = armed.script, {"order_id": armed.order_id}
        if script.fault is None and script.lost is None:
            yield
            return
        url = f"{self._simulators[script.provider or '']}/control"
        async with local_client() as http:
            served = (await http.get(url, params=order)).json()
            for fault in _ordered(script, served):
                armed.loses = armed.loses or fault["operation"] == script.lost
                (await http.post(url, json={"fail_order": order | fault})).raise_for_status()
            try:
                yield
            finally:
                await http.delete(url, params=order)


def _ordered(
    script: Script, served: Mapping[str, Mapping[str, int]]
) -> Iterator[dict[str, str | int]]:
    """Yield the faults that were not served yet, or that last."""
    if script.lost and LOST_ANSWER not in served.get(script.lost, {}):
        yield {"operation": script.lost, "how": LOST_ANSWER}
        return  # the next fault is for the next attempt
    operation, how = script.operation, script.fault
    if operation and how and (script.lasts or how not in served.get(operation, {})):
        yield {"operation": operation, "how": how, "spares": script.nth - 1}


class TrappedProvider:
    """A provider's client with a short timeout where the simulator may hang, and else a long one.

    Other answers may wait for a gate, or be slow on a busy machine.
    """

    def __init__(self, hasty: object, patient: object) -> None:
        self._hasty = hasty
        self._patient = patient

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self._patient, name)
        if not inspect.iscoroutinefunction(method):
            return method  # it asks no provider

        async def asked(**arguments: object) -> object:
            armed = _ARMED.get()
            client = self._hasty if armed and armed.meets_a_hang else self._patient
            return await getattr(client, name)(**arguments)

        return asked


async def answered(operation: str) -> None:
    """Note that a provider has done this for the running activity."""
    if armed := _ARMED.get():
        await armed.answered(operation)


class TrappedStore(PostgresEventStore):
    """A store with a gate between what an activity has loaded and its append.

    The gate is before the locks: behind them nothing else could happen to these streams.
    """

    async def append_decided(
        self, wanted: Wanted, decide: Decide, key: KeyUse | None = None
    ) -> AppendResult | None:
        armed = _ARMED.get()
        if armed and not armed.script.provider and armed.script.act is not Act.KILL:
            await armed.at(Phase.DURING)
        return await super().append_decided(wanted, decide, key)


class Trapdoor:
    """The last inline projection. It kills the worker before the transaction commits."""

    async def apply(self, connection: Connection, events: Sequence[StoredEvent]) -> None:
        del connection, events
        armed = _ARMED.get()
        if armed and not armed.script.provider and armed.script.act is Act.KILL:
            await armed.at(Phase.DURING)
