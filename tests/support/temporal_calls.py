"""Record the calls of a client to Temporal; fail or hold them where a test asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from temporalio.client import (
    Interceptor,
    OutboundInterceptor,
    SignalWorkflowInput,
    StartWorkflowInput,
    StartWorkflowUpdateInput,
    StartWorkflowUpdateWithStartInput,
    WorkflowHandle,
    WorkflowUpdateHandle,
)
from temporalio.service import RPCError, RPCStatusCode

TEMPORAL_IS_AWAY: Final = RPCError("10.0.0.7 does not answer", RPCStatusCode.UNAVAILABLE, b"")

MEETING_TIMEOUT_SECONDS: Final = 10


@dataclass
class TemporalCalls(Interceptor):
    """The calls of one client that start, update or signal a workflow, in order."""

    failure: Exception | None = None
    """Raised instead of each call, which then does not reach Temporal."""
    are_answers_lost: bool = False
    """Each call reaches Temporal, and its caller gets TEMPORAL_IS_AWAY for an answer."""
    workflow_ids: list[str] = field(default_factory=list)
    signals: list[object] = field(default_factory=list)
    """The arguments of all signals to workflows."""
    _barrier: asyncio.Barrier | None = None

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 - the SDK's name
        return _Recording(next, self)

    def forget(self) -> None:
        """Fail no further call, lose no further answer, and clear the lists."""
        self.failure = None
        self.are_answers_lost = False
        self.workflow_ids.clear()
        self.signals.clear()

    @asynccontextmanager
    async def meeting(self, count: int) -> AsyncIterator[None]:
        """Hold each call in the block until this many calls are about to reach Temporal."""
        self._barrier = asyncio.Barrier(count)
        try:
            yield
        finally:
            self._barrier = None

    async def record(self, workflow_id: str, *signal: object) -> None:
        """Record the call. Raises `failure`."""
        if self.failure is not None:
            raise self.failure
        if self._barrier is not None:
            async with asyncio.timeout(MEETING_TIMEOUT_SECONDS):
                await self._barrier.wait()
        self.workflow_ids.append(workflow_id)
        self.signals.extend(signal)

    def check_answer(self) -> None:
        """Raises TEMPORAL_IS_AWAY when answers are lost."""
        if self.are_answers_lost:
            raise TEMPORAL_IS_AWAY


class _Recording(OutboundInterceptor):
    def __init__(self, following: OutboundInterceptor, calls: TemporalCalls) -> None:
        super().__init__(following)
        self._calls = calls

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:  # noqa: A002 - the SDK's name
        await self._calls.record(input.id)
        handle = await super().start_workflow(input)
        self._calls.check_answer()
        return handle

    async def signal_workflow(self, input: SignalWorkflowInput) -> None:  # noqa: A002 - the SDK's name
        await self._calls.record(input.id, *input.args)
        await super().signal_workflow(input)

    async def start_workflow_update(
        self,
        input: StartWorkflowUpdateInput,  # noqa: A002 - the SDK's name
    ) -> WorkflowUpdateHandle[Any]:
        await self._calls.record(input.id)
        handle = await super().start_workflow_update(input)
        self._calls.check_answer()
        return handle

    async def start_update_with_start_workflow(
        self,
        input: StartWorkflowUpdateWithStartInput,  # noqa: A002 - the SDK's name
    ) -> WorkflowUpdateHandle[Any]:
        await self._calls.record(input.start_workflow_input.id)
        handle = await super().start_update_with_start_workflow(input)
        self._calls.check_answer()
        return handle
