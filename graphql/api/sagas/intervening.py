"""Intervene in a parked saga once, and answer repeats of the request."""

from __future__ import annotations

from pydantic import ValidationError

from activities.types import InterventionInput
from api.auth import Viewer
from api.context import Context
from api.idempotency import mark_replayed
from api.lost import check_is_recorded
from api.sagas.inputs import SagaInterventionDetails, SagaInterventionInput
from api.sagas.types import Saga, SagaInterventionPayload
from api.scalars import Position
from api.user_errors import UserError, input_error, invalid_inputs, no_such_order
from domain.errors import ErrorCode, Refused
from domain.identifiers import is_identifier
from domain.saga.commands import Intervention
from orchestrator.saga_orchestrator import NoSuchSaga, Unavailable
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
    try:
        workflow_id, wanted = _wanted(saga, request.step, intervention, details, context.viewer)
        position = await _send(saga, workflow_id, wanted, details.idempotency_key, context)
        await check_is_recorded(position, context.services)
    except Refused as refused:
        return SagaInterventionPayload(user_errors=[UserError.of(refused)])
    return await _payload(wanted, position, context)


def _wanted(
    saga: SagaView,
    step: str | None,
    intervention: Intervention,
    details: SagaInterventionDetails,
    viewer: Viewer,
) -> tuple[str, InterventionInput]:
    """Return the intervention in the parked step; for a repeat, in the step that was parked.

    Raises Refused.
    """
    step = step or _only(saga)
    if parking := saga.parked.get(step):
        number, workflow_id = parking.number, parking.workflow_id
    elif before := [made for made in saga.interventions if made.step == step]:
        number, workflow_id = before[-1].parking, before[-1].workflow_id
    else:
        raise _not_parked(saga.order_id, step)
    wanted = InterventionInput(
        saga.order_id, step, number, intervention, details.reason, viewer.actor
    )
    return workflow_id, wanted


def _only(saga: SagaView) -> str:
    """Return the only parked step, for a request that names none."""
    match list(saga.parked) or [made.step for made in saga.interventions[-1:]]:
        case [step]:
            return step
        case []:
            raise _not_parked(saga.order_id, "any step")
        case several:
            message = f"several steps are parked, name one: {', '.join(sorted(several))}"
            raise Refused(ErrorCode.INVALID_INPUT, message, ("input", "step"))


async def _send(
    saga: SagaView, workflow_id: str, wanted: InterventionInput, key: str, context: Context
) -> int:
    """Send the intervention, and return its position or the position of the earlier one."""
    try:
        position = await context.services.orchestrator.intervene(
            workflow_id, wanted, idempotency_key=key
        )
    except (NoSuchSaga, Refused) as error:
        position = _position_of_repeat(error, saga, wanted)
    if position <= saga.position:
        mark_replayed()
    return position


def _position_of_repeat(
    error: NoSuchSaga | Refused, saga: SagaView, wanted: InterventionInput
) -> int:
    """Return the position of the step's last intervention if it is the wanted one, or raise the
    reason.

    A parked step without a workflow has lost it. The recovery is about to restart the workflow.
    """
    is_gone = isinstance(error, NoSuchSaga) or error.code is ErrorCode.SAGA_NOT_PARKED
    if is_gone and wanted.step not in saga.parked and _is_recorded(wanted, saga.position, saga):
        return saga.position
    if isinstance(error, Refused):
        raise error
    if wanted.step in saga.parked:
        raise Unavailable("the saga's workflow is about to be recovered; try again") from None
    raise _not_parked(saga.order_id, wanted.step) from None


async def _payload(
    wanted: InterventionInput, position: int, context: Context
) -> SagaInterventionPayload:
    saga = await context.services.sagas.get(wanted.order_id)
    if saga is None or not _is_recorded(wanted, position, saga):
        message = "this idempotency key was used for another decision; use a new key for a new one"
        reused = input_error(ErrorCode.IDEMPOTENCY_KEY_REUSED, message, "idempotencyKey")
        return SagaInterventionPayload(user_errors=[reused])
    return SagaInterventionPayload(saga=Saga.of(saga), position=Position(position))


def _is_recorded(wanted: InterventionInput, position: int, saga: SagaView) -> bool:
    """Return whether the step's last intervention up to this position is the wanted one.

    The same intervention in an earlier parking does not count: another one has settled the step
    since.
    """
    facts = (wanted.step, wanted.kind, wanted.reason, wanted.actor)
    made = [
        (one.step, one.kind, one.reason, one.actor)
        for one in saga.interventions
        if one.step == wanted.step and one.position <= position
    ]
    return made[-1:] == [facts]


def _not_parked(order_id: str, step: str) -> Refused:
    message = f"the saga of order {order_id} is not parked at {step}"
    return Refused(ErrorCode.SAGA_NOT_PARKED, message)
