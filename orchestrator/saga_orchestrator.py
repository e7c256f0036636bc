"""The client side of the sagas: how the API starts, cancels and notifies them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID, uuid5

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowExecutionStatus,
    WorkflowHandle,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from activities.types.command import RunCommandInput
from activities.types.order import CancellationInput, PlaceInput, ReturnRequestInput
from activities.types.parking import InterventionInput
from domain.command import Command
from domain.idempotency import KeyedResult, KeyUse, key_reused
from domain.ids import (
    aftercare_workflow_id,
    command_workflow_id,
    order_workflow_id,
    payment_workflow_id,
    refund_workflow_id,
)
from domain.order.commands import CancellationReason, PlaceOrder
from domain.order.lines import ReturnedLine
from domain.order.promises import Promises
from domain.order.state import OrderStatus
from domain.provider_notifications import PaymentNotification, ShipmentNotification
from orchestrator.provider_news import Log, ProviderNews
from orchestrator.translation import NoSuchSaga, OutcomeUnknown, Translation
from workflows import search_attributes
from workflows.aftercare import AftercareInput, AftercareWorkflow
from workflows.command import CommandResult, CommandWorkflow
from workflows.order import OrderWorkflow
from workflows.payment import PaymentWorkflow
from workflows.refund import RefundWorkflow
from workflows.saga_workflow import SagaWorkflow
from workflows.types import (
    Deadlines,
    OrderWorkflowInput,
    PaymentRetryInput,
    PaymentWorkflowResult,
    PlacedResult,
    RefundWorkflowInput,
    SagaType,
)

WINDOW_OPENS_WITHIN_SECONDS: Final = 1.5
"""A decline is in the log shortly before the workflow that holds the payment window runs."""
SECONDS_BETWEEN_TRIES: Final = 0.05
SECONDS_OF_A_REFUSAL: Final = 60.0
"""The time for which a repeat may get the refusal that Temporal keeps. Repeats within it are one
update: a workflow accepts 10 at once, and 2,000 in its life."""

_PLACED_UPDATE_ID: Final = "placed"
SYSTEM: Final = "system"
"""The actor recorded when a request names none."""


@dataclass(frozen=True, slots=True)
class Accepted:
    order_id: str
    position: int
    call: UUID | None = None
    """The call that has placed the order."""


class SagaOrchestrator:
    """Every call may be repeated.

    Raises Refused, Unavailable or OutcomeUnknown, and NoSuchSaga where a running saga is required.

    The log decides on a repeat by its idempotency key. The id of an update only keeps one call from
    reaching a workflow twice: see `update_id`. So a caller passes `seen`, the position of what it
    has read of the order or its saga.
    """

    def __init__(
        self, client: Client, *, task_queue: str, deadlines: Deadlines, log: Log | None = None
    ) -> None:
        """`log` says which notifications change nothing; without it, the providers are asked."""
        self._client = client
        self._task_queue = task_queue
        self._deadlines = deadlines
        self._translated = Translation(client)
        self._news = ProviderNews(self, log)

    @property
    def promises(self) -> Promises:
        """Return what an order is promised that is placed now."""
        return self._deadlines.promises

    async def start_saga(
        self,
        saga_type: SagaType,
        data: PlaceOrder,
        *,
        actor: str = SYSTEM,
        call: UUID | None = None,
    ) -> Accepted:
        """Start the saga, or find it started; return once its first event is in the log."""
        if saga_type is not SagaType.ORDER:
            raise ValueError(f"no saga of type {saga_type} is started from outside")
        order_id = data.aggregate_id
        start = WithStartWorkflowOperation(
            OrderWorkflow.run,
            OrderWorkflowInput(order_id, self._deadlines, PlaceInput(data, actor, call)),
            id=order_workflow_id(order_id),
            task_queue=self._task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            # A saga that was cut off resumes; one that has ended finds that in the log and ends.
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            search_attributes=search_attributes.at_start(data.customer_id),
        )
        try:
            async with self._translated():
                placed = await self._client.execute_update_with_start_workflow(
                    OrderWorkflow.placed, start_workflow_operation=start, id=_PLACED_UPDATE_ID
                )
        except NoSuchSaga:
            raise OutcomeUnknown("the saga ended before it could answer") from None
        return _accepted(order_id, placed, data.fingerprint)

    async def find_placed(self, order_id: str, fingerprint: str) -> Accepted | None:
        """Return the answer of a saga that places this order now, or None if none runs.

        Raises Refused when the saga places it for another input.
        """
        if not await self.is_running(order_workflow_id(order_id)):
            return None
        try:
            async with self._translated():
                placed = await self._order(order_id).execute_update(
                    OrderWorkflow.placed, id=_PLACED_UPDATE_ID
                )
        except NoSuchSaga:
            return None
        return _accepted(order_id, placed, fingerprint)

    async def recover(self, order_id: str, customer_id: str) -> None:
        """Run the saga of an order that is in the log and has lost its workflow.

        A saga that runs is not changed.
        """
        async with self._translated():
            await self._client.start_workflow(
                OrderWorkflow.run,
                OrderWorkflowInput(order_id, self._deadlines),
                id=order_workflow_id(order_id),
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                search_attributes=search_attributes.at_start(customer_id),
            )

    async def place_again(self, place: PlaceInput) -> Accepted:
        """Place an order that the log has lost, under the event ids that it had.

        A saga of it that still runs is terminated: its events are lost.
        """
        order_id = place.command.aggregate_id
        async with self._translated():
            handle = await self._client.start_workflow(
                OrderWorkflow.run,
                OrderWorkflowInput(order_id, self._deadlines, place, is_restored=True),
                id=order_workflow_id(order_id),
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.TERMINATE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                search_attributes=search_attributes.at_start(place.command.customer_id),
            )
            placed = await handle.execute_update(OrderWorkflow.placed, id=_PLACED_UPDATE_ID)
        return Accepted(order_id, placed.position)

    async def compensate_saga(
        self,
        saga_id: str,
        *,
        reason: CancellationReason = CancellationReason.OPERATOR_REQUEST,
        actor: str = SYSTEM,
        key: KeyUse | None = None,
        seen: int = 0,
    ) -> KeyedResult:
        """Start the compensation of an order; return the position once that is in the log."""
        async with self._translated():
            answer = await self._order(saga_id).execute_update(
                OrderWorkflow.cancel,
                CancellationInput(saga_id, reason, actor, key=key),
                id=None if key is None else update_id(key, seen),
            )
        return KeyedResult(answer.position, answer.call)

    async def retry_payment(
        self, order_id: str, method: str, *, key: KeyUse, actor: str, seen: int = 0
    ) -> KeyedResult:
        """Try another payment method; return the position once the attempt is in the log.

        Call it only for a payment that waits for its customer. For any other payment, NoSuchSaga is
        raised only after a delay.
        """
        retry = PaymentRetryInput(method, actor, key)
        last_try = time.monotonic() + WINDOW_OPENS_WITHIN_SECONDS
        while True:
            try:
                async with self._translated():
                    recorded = await self._payment(order_id).execute_update(
                        PaymentWorkflow.retry, retry, id=update_id(key, seen)
                    )
            except NoSuchSaga:
                if time.monotonic() > last_try:
                    raise
                await asyncio.sleep(SECONDS_BETWEEN_TRIES)
            else:
                return KeyedResult(recorded.position, recorded.call)

    async def request_return(
        self,
        order_id: str,
        lines: tuple[ReturnedLine, ...] | None,
        *,
        key: KeyUse,
        actor: str,
        seen: int = 0,
    ) -> KeyedResult:
        """Open the return of a delivered order; return the position once that is in the log."""
        async with self._translated():
            recorded = await self._order(order_id).execute_update(
                OrderWorkflow.request_return,
                ReturnRequestInput(order_id, actor, lines, key),
                id=update_id(key, seen),
            )
        return KeyedResult(recorded.position, recorded.call)

    async def intervene(
        self, workflow_id: str, intervene: InterventionInput, *, key: KeyUse, seen: int = 0
    ) -> KeyedResult:
        """Settle a step where this workflow is parked; return the position of the intervention."""
        async with self._translated():
            recorded = await self._client.get_workflow_handle(workflow_id).execute_update(
                SagaWorkflow.intervene, replace(intervene, key=key), id=update_id(key, seen)
            )
        return KeyedResult(recorded.position, recorded.call)

    async def execute(self, command: Command, *, key: KeyUse, actor: str) -> KeyedResult:
        """Run a command that needs no saga; return the position of its effect. Raises Refused."""
        run = RunCommandInput(command.command_type, command.model_dump_json(), actor, key)
        try:
            async with self._translated():
                done = await self._run_command(run)
                while done.refusal is not None and done.fingerprint != key.fingerprint:
                    done = await self._run_command(run)  # a refused input has not used the key
        except NoSuchSaga:
            raise OutcomeUnknown("the command's workflow was lost before it could answer") from None
        if done.refusal is not None:
            raise done.refusal.raised()
        if done.recorded is None or done.fingerprint != key.fingerprint:
            raise key_reused()
        return KeyedResult(done.recorded.position, done.recorded.call)

    async def _run_command(self, run: RunCommandInput) -> CommandResult:
        """Run its workflow, or follow the one that runs under this key.

        The log decides on a repeat, so a workflow that has ended prevents no other.
        """
        handle = await self._client.start_workflow(
            CommandWorkflow.run,
            run,
            id=command_workflow_id(run.command_type, run.key.id),
            task_queue=self._task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        )
        return await handle.result()

    async def run_refund(self, order_id: str, number: int) -> None:
        """Run the workflow of a requested refund that is in the log. One that runs is not changed.

        A refund that has ended finds that in the log, and ends at once.
        """
        async with self._translated():
            await self._client.start_workflow(
                RefundWorkflow.run,
                RefundWorkflowInput(order_id, number, self._deadlines),
                id=refund_workflow_id(order_id, number),
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            )

    async def handle_event(self, event: PaymentNotification | ShipmentNotification) -> None:
        """Bring a provider's word to the order: to the saga that waits for it, or to its aftercare.

        A notification that the log knows already leaves nothing behind.
        """
        await self._news.route(event)

    async def signalled(
        self,
        workflow_id: str,
        signal: str,
        notification: PaymentNotification | ShipmentNotification,
    ) -> bool:
        with contextlib.suppress(NoSuchSaga):
            async with self._translated():
                handle = self._client.get_workflow_handle(workflow_id)
                await handle.signal(signal, notification)
            return True
        return False

    async def is_running(self, workflow_id: str) -> bool:
        with contextlib.suppress(NoSuchSaga):
            async with self._translated():
                described = await self._client.get_workflow_handle(workflow_id).describe()
            return described.status is WorkflowExecutionStatus.RUNNING
        return False

    async def attend(
        self, signal: str, notification: PaymentNotification | ShipmentNotification
    ) -> None:
        await self._start_aftercare(
            notification.order_id, start_signal=signal, start_signal_args=[notification]
        )

    async def resume_aftercare(self, order_id: str) -> None:
        """Run the aftercare that Temporal has lost; one that runs is not changed."""
        await self._start_aftercare(order_id)

    async def _start_aftercare(
        self,
        order_id: str,
        start_signal: str | None = None,
        start_signal_args: Sequence[object] = (),
    ) -> None:
        async with self._translated():
            await self._client.start_workflow(
                AftercareWorkflow.run,
                AftercareInput(order_id, self._deadlines),
                id=aftercare_workflow_id(order_id),
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                search_attributes=search_attributes.OF_AFTERCARE,
                start_signal=start_signal,
                start_signal_args=start_signal_args,
            )

    def _order(self, order_id: str) -> WorkflowHandle[OrderWorkflow, OrderStatus | None]:
        return self._client.get_workflow_handle_for(OrderWorkflow.run, order_workflow_id(order_id))

    def _payment(self, order_id: str) -> WorkflowHandle[PaymentWorkflow, PaymentWorkflowResult]:
        return self._client.get_workflow_handle_for(
            PaymentWorkflow.run, payment_workflow_id(order_id)
        )


def _accepted(order_id: str, placed: PlacedResult, fingerprint: str) -> Accepted:
    """Raises Refused when the order was placed for another input."""
    if placed.fingerprint != fingerprint:
        raise key_reused()
    return Accepted(order_id, placed.position, placed.call)


def update_id(key: KeyUse, seen: int) -> str:
    """Return the id of the update that carries this request to a workflow.

    Temporal keeps the answer of an update, a refusal too, for as long as the workflow's run. So
    the id also depends on the position that the caller has seen, and on the time: a request that
    was refused too early reaches the workflow again once the order has changed, or a little later.
    What refused it may not be in the log, as an attempt to pay that is under way.
    """
    period = int(time.time() / SECONDS_OF_A_REFUSAL)
    return str(uuid5(key.id, f"{key.fingerprint} {seen} {period}"))
