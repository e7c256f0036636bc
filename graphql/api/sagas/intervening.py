"""Intervene in a parked saga once, and answer repeats of the request."""

from __future__ import annotations

from pydantic import ValidationError

from activities.types.parking import InterventionInput
from api.auth import Viewer
from api.context import Context
from api.idempotency import key_of, once
from api.sagas.inputs import SagaInterventionDetails, SagaInterventionInput
from api.sagas.types import Saga, SagaInterventionPayload
from api.scalars import Position
from api.user_errors import UserError, invalid_inputs, no_such_order
from domain.errors import ErrorCode, Refused
from domain.idempotency import KeyedResult, KeyUse
from domain.identifiers import is_identifier
from domain.ids import aftercare_workflow_id, refund_of_workflow
from domain.order.state import FINAL
from domain.saga.commands import Intervention
from orchestrator.translation import NoSuchSaga, Unavailable
from queries.saga_ledger import SagaView


async def intervene(
    request: SagaInterventionInput, intervention: Intervention, context: Context
) -> SagaInterventionPayload:
    try:
        details = SagaInterventionDetails(
            idempotency_key=request.idempotency_key, reason=request.reason
        )
    except ValidationError as error:
        return SagaInterventionPayload(user_errors=list(invalid_inputs(error)))
    sagas = context.services.sagas
    saga = await sagas.get(request.order_id) if is_identifier(request.order_id) else None
    if saga is None:
        return SagaInterventionPayload(user_errors=[no_such_order()])
    key = key_of("intervene", request, context, kind=intervention)

    async def run() -> KeyedResult:
        workflow_id, wanted = _wanted(saga, request.step, intervention, details, context.viewer)
        await _check(wanted, context)
        return await _send(saga, workflow_id, wanted, key, context)

    try:
        position = await once(key, context, run)
    except Refused as refused:
        return SagaInterventionPayload(user_errors=[UserError.of(refused)])
    current = await sagas.get(request.order_id) or saga
    return SagaInterventionPayload(saga=Saga.of(current), position=Position(position))


def _wanted(
    saga: SagaView,
    step: str | None,
    intervention: Intervention,
    details: SagaInterventionDetails,
    viewer: Viewer,
) -> tuple[str, InterventionInput]:
    """Return the parked step's workflow, and the intervention. Raises Refused."""
    step = step or _only(saga)
    parking = saga.parked.get(step)
    if parking is None:
        raise _not_parked(saga.order_id, step)
    wanted = InterventionInput(
        saga.order_id, step, parking.number, intervention, details.reason, viewer.actor
    )
    return parking.workflow_id, wanted


def _only(saga: SagaView) -> str:
    """Return the only parked step, for a request that names none."""
    match list(saga.parked):
        case [step]:
            return step
        case []:
            raise _not_parked(saga.order_id, "any step")
        case several:
            message = f"several steps are parked, name one: {', '.join(sorted(several))}"
            raise Refused(ErrorCode.INVALID_INPUT, message, ("input", "step"))


async def _check(wanted: InterventionInput, context: Context) -> None:
    """Raise Refused if the log refuses it: a workflow accepts a limited number of updates."""
    for command in wanted.commands:
        await context.services.decisions.would_change(command)


async def _send(
    saga: SagaView, workflow_id: str, wanted: InterventionInput, key: KeyUse, context: Context
) -> KeyedResult:
    """Send the intervention. A saga that has lost its workflow is recovered at once."""
    orchestrator = context.services.orchestrator
    try:
        return await orchestrator.intervene(workflow_id, wanted, key=key, seen=saga.position)
    except NoSuchSaga:
        await _recover(workflow_id, wanted, context)
    raise Unavailable("the saga's workflow is being recovered, which retries its parked steps")


async def _recover(workflow_id: str, wanted: InterventionInput, context: Context) -> None:
    """Run the parked step's workflow again. The steps after an order's end have workflows too."""
    orchestrator = context.services.orchestrator
    order = await context.get_order(wanted.order_id)
    if (refund := refund_of_workflow(workflow_id)) is not None:
        await orchestrator.run_refund(order.id, refund)
    elif workflow_id == aftercare_workflow_id(order.id):
        await orchestrator.resume_aftercare(order.id)
    elif order.status in FINAL:
        raise _not_parked(order.id, wanted.step)
    else:
        await orchestrator.recover(order.id, order.customer_id)


def _not_parked(order_id: str, step: str) -> Refused:
    message = f"the saga of order {order_id} is not parked at {step}"
    return Refused(ErrorCode.SAGA_NOT_PARKED, message)
