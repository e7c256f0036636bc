"""Stop an activity just before it begins, or just after its effect, until a gate opens."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from temporalio import activity

TIMEOUT_SECONDS: Final = 20


class When(StrEnum):
    BEFORE = "before"
    AFTER = "after"
    """The activity has had its effect, and Temporal does not know it yet."""


@dataclass
class Gate:
    _reached: asyncio.Event = field(default_factory=asyncio.Event)
    _opened: asyncio.Event = field(default_factory=asyncio.Event)

    async def reached(self) -> None:
        """Wait until the activity arrives at the gate. Raises TimeoutError."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await self._reached.wait()

    def open(self) -> None:
        self._opened.set()

    async def stop_here(self) -> None:
        self._reached.set()
        await self._opened.wait()


class Gates:
    """The gates of one worker. Each is for one activity of one order, and stops it once."""

    def __init__(self) -> None:
        self._gates: dict[tuple[str, str, When], Gate] = {}
        self._failures: dict[tuple[str, str], Exception] = {}

    @asynccontextmanager
    async def stopped(self, name: str, order_id: str, when: When) -> AsyncIterator[Gate]:
        """Stop the activity at a gate, which opens at the end of the block at the latest."""
        gate = self._gates[name, order_id, when] = Gate()
        try:
            yield gate
        finally:
            gate.open()

    def fail(self, name: str, order_id: str, error: Exception) -> None:
        """Fail the next attempt before it has any effect."""
        self._failures[name, order_id] = error

    def around(self, activities: Sequence[Callable[..., Any]]) -> list[Callable[..., Any]]:
        """Return the same activities, each between its gates."""
        return [self._around(run) for run in activities]

    def _around(self, run: Callable[..., Any]) -> Callable[..., Any]:
        name = run.__name__

        @activity.defn(name=name)
        @functools.wraps(run, updated=())
        async def gated(*arguments: Any) -> Any:  # noqa: ANN401 - whatever the activity takes
            order_id = _order_of(activity.info())
            await self._pass(name, order_id, When.BEFORE)
            if error := self._failures.pop((name, order_id), None):
                raise error
            answer = await run(*arguments)
            await self._pass(name, order_id, When.AFTER)
            return answer

        return gated

    async def _pass(self, name: str, order_id: str, when: When) -> None:
        gate = self._gates.pop((name, order_id, when), None)
        if gate is not None:
            await gate.stop_here()


def _order_of(info: activity.Info) -> str:
    return (info.workflow_id or "").partition("-")[2]
