"""The client side of the sagas: how the API starts, cancels and notifies them."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from temporalio.client import (
    Client,
    RPCTimeoutOrCancelledError,
    WithStartWorkflowOperation,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowUpdateFailedError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ActivityError, ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.types import (
    CancellationInput,
    InterventionInput,
    PlaceInput,
    ReturnRequestInput,
    RunCommandInput,
)
from domain.command import Command
from domain.errors import ErrorCode, Refused
from domain.ids import (
    command_workflow_id,
    order_workflow_id,
    payment_workflow_id,
    refund_workflow_id,
    return_workflow_id,
)
from domain.order.commands import CancellationReason, PlaceOrder
from domain.order.lines import ReturnedLine
from domain.order.promises import Promises
from domain.order.state import OrderStatus
from domain.provider_notifications import (
    PaymentNotification,
    ShipmentNotification,
    ShipmentNotificationKind,
)
from temporal.client import is_temporal_away
from workflows import search_attributes
from workflows.command import CommandWorkflow
from workflows.order import OrderWorkflow
from workflows.payment import PaymentWorkflow
from workflows.refund import RefundWorkflow
from workflows.returns import ReturnWorkflow
from workflows.saga_workflow import SagaWorkflow
from workflows.types import (
    Deadlines,
    OrderWorkflowInput,
    PaymentResult,
    PaymentRetryInput,
    RefundWorkflowInput,
    ReturnResult,
    SagaType,
)

TIMEOUT_SECONDS: Final = 15.0
"""The time that a caller waits for a worker before Unavailable is raised."""

WINDOW_OPENS_WITHIN_SECONDS: Final = 1.5
"""A decline is in the log shortly before the workflow that holds the payment window runs."""
SECONDS_BETWEEN_TRIES: Final = 0.05

_PLACED_UPDATE_ID: Final = "placed"
SYSTEM: Final = "system"
"""The actor recorded when a request names none."""


@dataclass(frozen=True, slots=True)
class Accepted:
    order_id: str
    position: int


class Unavailable(Exception):
    """Temporal, or a worker behind it, did not answer in time. The call may be repeated."""


class NoSuchSaga(Exception):
    """No saga runs under this id: it never started, or it has ended."""


class SagaOrchestrator:
    """Every call may be repeated.

    Raises Refused or Unavailable, and NoSuchSaga where a running saga is required.
    """

    def __init__(self, client: Client, *, task_queue: str, deadlines: Deadlines) -> None:
        self._client = client
        self._task_queue = task_queue
        self._deadlines = deadlines

    @property
    def promises(self) -> Promises:
        """Return what an order is promised that is placed now."""
        return self._deadlines.promises

    async def start_saga(
        self, saga_type: SagaType, data: PlaceOrder, *, actor: str = SYSTEM
    ) -> Accepted:
        """Start the saga, or find it started; return once its first event is in the log."""
        if saga_type is not SagaType.ORDER:
            raise ValueError(f"no saga of type {saga_type} is started from outside")
        order_id = data.aggregate_id
        start = WithStartWorkflowOperation(
            OrderWorkflow.run,
            OrderWorkflowInput(order_id, self._deadlines, PlaceInput(data, actor)),
            id=order_workflow_id(order_id),
            task_queue=self._task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            # A saga that was cut off resumes; one that has ended finds that in the log and ends.
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            search_attributes=search_attributes.at_start(data.customer_id),
        )
        try:
            async with _translated():
                placed = await self._client.execute_update_with_start_workflow(
                    OrderWorkflow.placed, start_workflow_operation=start, id=_PLACED_UPDATE_ID
                )
        except NoSuchSaga:
            raise Unavailable("the saga ended before it could answer; try again") from None
        _check_same_input(placed.fingerprint, data.fingerprint)
        return Accepted(order_id, placed.position)

    async def recover(self, order_id: str, customer_id: str) -> None:
        """Run the saga of an order that is in the log and has lost its workflow.

        A saga that runs is not changed.
        """
        async with _translated():
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
        async with _translated():
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
    ) -> int:
        """Start the compensation of an order; return the position once that is in the log."""
        async with _translated():
            answer = await self._order(saga_id).execute_update(
                OrderWorkflow.cancel, CancellationInput(saga_id, reason, actor)
            )
        return answer.position

    async def retry_payment(
        self, order_id: str, method: str, *, idempotency_key: str, actor: str
    ) -> int:
        """Try another payment method; return the position once the attempt is in the log.

        Call it only for a payment that waits for its customer. For any other payment, NoSuchSaga is
        raised only after a delay.
        """
        retry = PaymentRetryInput(method, actor, idempotency_key)
        last_try = time.monotonic() + WINDOW_OPENS_WITHIN_SECONDS
        while True:
            try:
                async with _translated():
                    recorded = await self._payment(order_id).execute_update(
                        PaymentWorkflow.retry, retry, id=idempotency_key
                    )
            except NoSuchSaga:
                if time.monotonic() > last_try:
                    raise
                await asyncio.sleep(SECONDS_BETWEEN_TRIES)
            else:
                return recorded.position

    async def request_return(
        self,
        order_id: str,
        lines: tuple[ReturnedLine, ...] | None,
        *,
        idempotency_key: str,
        actor: str,
    ) -> int:
        """Open the return of a delivered order; return the position once that is in the log."""
        async with _translated():
            recorded = await self._order(order_id).execute_update(
                OrderWorkflow.request_return,
                ReturnRequestInput(order_id, actor, lines),
                id=idempotency_key,
            )
        return recorded.position

    async def intervene(
        self, workflow_id: str, intervene: InterventionInput, *, idempotency_key: str
    ) -> int:
        """Settle a step where this workflow is parked; return the position of the intervention."""
        async with _translated():
            recorded = await self._client.get_workflow_handle(workflow_id).execute_update(
                SagaWorkflow.intervene, intervene, id=idempotency_key
            )
        return recorded.position

    async def execute(self, command: Command, *, idempotency_key: str, actor: str) -> int:
        """Run a command that needs no saga; return the position of its effect."""
        run = command_input(command, actor)
        workflow_id = command_workflow_id(command.command_type, actor, idempotency_key)
        async with _translated():
            try:
                handle = await self._client.start_workflow(
                    CommandWorkflow.run,
                    run,
                    id=workflow_id,
                    task_queue=self._task_queue,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                )
            except WorkflowAlreadyStartedError:  # and it has ended since
                handle = self._client.get_workflow_handle_for(CommandWorkflow.run, workflow_id)
            done = await handle.result()
        _check_same_input(done.fingerprint, run.fingerprint)
        return done.position

    async def run_refund(self, order_id: str, number: int) -> None:
        """Run the workflow of a requested refund that is in the log. One that runs is not changed.

        A refund that has ended finds that in the log, and ends at once.
        """
        async with _translated():
            await self._client.start_workflow(
                RefundWorkflow.run,
                RefundWorkflowInput(order_id, number, self._deadlines),
                id=refund_workflow_id(order_id, number),
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            )

    async def handle_event(self, event: PaymentNotification | ShipmentNotification) -> None:
        """Notify the saga that waits for this event; a saga that misses it polls the provider."""
        with contextlib.suppress(NoSuchSaga):
            async with _translated():
                match event:
                    case PaymentNotification():
                        await self._payment(event.order_id).signal(
                            PaymentWorkflow.payment_notification, event
                        )
                    case ShipmentNotification(kind=ShipmentNotificationKind.RETURNED):
                        await self._return(event.order_id).signal(
                            ReturnWorkflow.shipment_notification, event
                        )
                    case ShipmentNotification():
                        await self._order(event.order_id).signal(
                            OrderWorkflow.shipment_notification, event
                        )

    def _order(self, order_id: str) -> WorkflowHandle[OrderWorkflow, OrderStatus | None]:
        return self._client.get_workflow_handle_for(OrderWorkflow.run, order_workflow_id(order_id))

    def _payment(self, order_id: str) -> WorkflowHandle[PaymentWorkflow, PaymentResult]:
        return self._client.get_workflow_handle_for(
            PaymentWorkflow.run, payment_workflow_id(order_id)
        )

    def _return(self, order_id: str) -> WorkflowHandle[ReturnWorkflow, ReturnResult]:
        return self._client.get_workflow_handle_for(
            ReturnWorkflow.run, return_workflow_id(order_id)
        )


def command_input(command: Command, actor: str) -> RunCommandInput:
    """Return the input of the workflow that runs the command.

    Its fingerprint separates a repeat from a reuse of the idempotency key.
    """
    command_json = command.model_dump_json()
    fingerprint = hashlib.sha256(command_json.encode()).hexdigest()
    return RunCommandInput(command.command_type, command_json, actor, fingerprint)


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    """Translate Temporal's errors into those of this module."""
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            yield
    except (WorkflowUpdateFailedError, WorkflowFailureError) as failed:
        raise _refused(failed.cause) from None
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise NoSuchSaga from None
        raise Unavailable("Temporal does not answer; try again") from error
    except RuntimeError as error:  # the error of a client that was never connected
        if not is_temporal_away(error):
            raise
        raise Unavailable("Temporal does not answer; try again") from error
    except (TimeoutError, RPCTimeoutOrCancelledError):
        raise Unavailable("no worker answered in time; try again") from None


def _refused(cause: BaseException | None) -> Refused:
    """Return the refusal that an activity or a validator raised; unwrap its causes."""
    while isinstance(cause, ActivityError):
        cause = cause.cause
    if isinstance(cause, ApplicationError) and cause.type and cause.type in ErrorCode.__members__:
        field = cause.details[0] if cause.details else ()
        return Refused(ErrorCode(cause.type), cause.message, tuple(field))
    raise Unavailable("the request failed; try again") from cause


def _check_same_input(ours: str, theirs: str) -> None:
    if ours != theirs:
        raise Refused(
            ErrorCode.IDEMPOTENCY_KEY_REUSED,
            "this idempotency key was used for another request; use a new key for a new one",
            ("input", "idempotencyKey"),
        )
