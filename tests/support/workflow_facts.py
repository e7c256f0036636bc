"""Read what Temporal knows of the workflows of an order, and wait until it knows something."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus, WorkflowHistory
from temporalio.service import RPCError

from benchmarks.saga.driver import OrderDriver
from kit.eventually import eventually
from workflows import search_attributes

T = TypeVar("T")
BESIDE_SAGAS: Final = {"CommandWorkflow", "StockWorkflow"}


@dataclass(frozen=True)
class WorkflowFacts(OrderDriver):
    """Drives orders, and inspects their workflows."""

    async def until_written(
        self, order_id: str, event_type: EventType.ValueType, saga: str = "order"
    ) -> None:
        """Wait until the history of a saga's workflow has an event of this type."""

        async def is_written() -> bool:
            return event_type in await self.written(order_id, saga)

        await eventually(is_written)

    async def until_known(
        self, order_id: str, event_type: EventType.ValueType, saga: str = "payment"
    ) -> None:
        """Wait until a saga's workflow has begun a task after such an event."""
        handle = self.client.get_workflow_handle(f"{saga}-{order_id}")

        async def is_known() -> bool:
            types = [event.event_type for event in (await handle.fetch_history()).events]
            later = types[types.index(event_type) :] if event_type in types else []
            return EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED in later

        await eventually(is_known)

    async def written(self, order_id: str, saga: str = "order") -> set[EventType.ValueType]:
        """Return the types of the events in the history of a saga's workflow."""
        history = await self.client.get_workflow_handle(f"{saga}-{order_id}").fetch_history()
        return {event.event_type for event in history.events}

    async def activities_of(self, order_id: str, saga: str = "order") -> list[str]:
        """Return the activities that the latest run of a saga has scheduled, in order."""
        history = await self.client.get_workflow_handle(f"{saga}-{order_id}").fetch_history()
        return [
            event.activity_task_scheduled_event_attributes.activity_type.name
            for event in history.events
            if event.HasField("activity_task_scheduled_event_attributes")
        ]

    async def until_asked(
        self, order_id: str, activity: str, times: int, saga: str = "order"
    ) -> None:
        """Wait until the latest run of a saga has scheduled this activity that many times."""

        async def was_asked() -> bool:
            return (await self.activities_of(order_id, saga)).count(activity) >= times

        await eventually(was_asked)

    async def until_failed(self, order_id: str, activity: str, times: int) -> None:
        """Wait until Temporal is about to start the attempt after this many failures."""

        async def has_failed() -> bool:
            return await self._attempt(order_id, activity) > times

        await eventually(has_failed)

    async def _attempt(self, order_id: str, activity: str) -> int:
        description = (await self.workflow(order_id).describe()).raw_description
        attempts = {a.activity_type.name: a.attempt for a in description.pending_activities}
        return attempts.get(activity, 0)

    async def input_of(self, workflow_id: str, kind: type[T]) -> list[T]:
        """Return the arguments of the workflow's latest run."""
        history = await self.client.get_workflow_handle(workflow_id).fetch_history()
        started = history.events[0].workflow_execution_started_event_attributes
        return await self.client.data_converter.decode(started.input.payloads, [kind])

    async def waits_until(self, workflow_id: str) -> datetime:
        """Wait until the workflow waits for a timer; return when that timer is due."""
        await self.until_running(workflow_id)

        async def has_timer() -> bool:
            return bool(await self.timers(workflow_id))

        await eventually(has_timer)
        [due] = await self.timers(workflow_id)
        return due

    async def timers(self, workflow_id: str) -> list[datetime]:
        """Return when each open timer of the workflow's latest run is due."""
        history = await self.client.get_workflow_handle(workflow_id).fetch_history()
        due: dict[int, datetime] = {}
        for event in history.events:
            if event.HasField("timer_started_event_attributes"):
                timeout = event.timer_started_event_attributes.start_to_fire_timeout
                due[event.event_id] = event.event_time.ToDatetime(UTC) + timeout.ToTimedelta()
            elif event.HasField("timer_fired_event_attributes"):
                del due[event.timer_fired_event_attributes.started_event_id]
            elif event.HasField("timer_canceled_event_attributes"):
                del due[event.timer_canceled_event_attributes.started_event_id]
        return list(due.values())

    async def until_running(self, workflow_id: str) -> None:
        await eventually(lambda: self._is_running(workflow_id))

    async def until_closed(self, workflow_id: str) -> None:

        async def is_closed() -> bool:
            return not await self._is_running(workflow_id)

        await eventually(is_closed)

    async def _is_running(self, workflow_id: str) -> bool:
        try:
            found = await self.client.get_workflow_handle(workflow_id).describe()
        except RPCError:
            return False
        return found.status is WorkflowExecutionStatus.RUNNING

    async def needs_attention(self, workflow_id: str, *, expected: bool) -> None:
        """Wait until Temporal's search attribute has the expected value."""
        handle = self.client.get_workflow_handle(workflow_id)

        async def is_shown() -> bool:
            attributes = (await handle.describe()).typed_search_attributes
            return attributes.get(search_attributes.NEEDS_ATTENTION) is expected

        await eventually(is_shown)

    async def histories(self, *, commands: bool = False) -> list[WorkflowHistory]:
        """Return the history of every run of a saga on this worker.

        With `commands`, also those of commands and of the stock that they change, where they have
        ended: a replay never returns where a local activity was under way.
        """
        query = f"TaskQueue = '{self.task_queue}'"
        return [
            await self.client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()
            async for run in self.client.list_workflows(query)
            if run.workflow_type not in BESIDE_SAGAS or (commands and run.close_time)
        ]
