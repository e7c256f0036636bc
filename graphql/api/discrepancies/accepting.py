"""Accept a discrepancy as it is read now."""

from __future__ import annotations

from pydantic import ValidationError

from api.context import Context
from api.discrepancies.inputs import AcceptDiscrepancyDetails, AcceptDiscrepancyInput
from api.discrepancies.types import AcceptDiscrepancyPayload, Discrepancy
from api.idempotency import key_of, once
from api.scalars import Position
from api.user_errors import UserError, invalid_inputs
from domain.errors import ErrorCode, Refused
from domain.idempotency import KeyedResult
from domain.identifiers import is_identifier
from domain.saga.commands import AcceptDiscrepancy
from queries.discrepancies import ListedDiscrepancy


async def accept_discrepancy(
    request: AcceptDiscrepancyInput, context: Context
) -> AcceptDiscrepancyPayload:
    try:
        details = AcceptDiscrepancyDetails(
            idempotency_key=request.idempotency_key, reason=request.reason
        )
    except ValidationError as error:
        return AcceptDiscrepancyPayload(user_errors=list(invalid_inputs(error)))
    key = key_of("acceptDiscrepancy", request, context)

    async def accept() -> KeyedResult:
        command = await _command(request, details.reason, context)
        return await context.services.orchestrator.execute(
            command, key=key, actor=context.viewer.actor
        )

    try:
        position = await once(key, context, accept)
    except Refused as refused:
        return AcceptDiscrepancyPayload(user_errors=[UserError.of(refused)])
    now = await _listed(request, context)
    return AcceptDiscrepancyPayload(
        position=Position(position), discrepancy=None if now is None else Discrepancy.of(now)
    )


async def _command(
    request: AcceptDiscrepancyInput, reason: str, context: Context
) -> AcceptDiscrepancy:
    """Raises Refused when there is no difference."""
    listed = await _listed(request, context)
    if listed is None:
        message = f"order {request.order_id} has no difference from {request.system}"
        raise Refused(ErrorCode.NO_DISCREPANCY, message, ("input", "orderId"))
    return AcceptDiscrepancy(
        aggregate_id=listed.order_id,
        system=request.system,
        ours=listed.discrepancy.ours,
        theirs=listed.discrepancy.theirs,
        reason=reason,
    )


async def _listed(request: AcceptDiscrepancyInput, context: Context) -> ListedDiscrepancy | None:
    if not is_identifier(request.order_id):
        return None
    return await context.services.discrepancies.get(request.order_id, request.system)
