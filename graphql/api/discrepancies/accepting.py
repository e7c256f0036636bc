"""Accept a discrepancy as it is read now."""

from __future__ import annotations

from pydantic import ValidationError

from api.context import Context
from api.direct_commands import execute
from api.discrepancies.inputs import AcceptDiscrepancyDetails, AcceptDiscrepancyInput
from api.discrepancies.types import AcceptDiscrepancyPayload, Discrepancy
from api.user_errors import input_error, invalid_inputs
from domain.errors import ErrorCode
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
    listed = await _listed(request, context)
    if listed is None:
        message = f"order {request.order_id} has no difference from {request.system}"
        refused = input_error(ErrorCode.NO_DISCREPANCY, message, "orderId")
        return AcceptDiscrepancyPayload(user_errors=[refused])
    command = AcceptDiscrepancy(
        aggregate_id=listed.order_id,
        system=request.system,
        ours=listed.discrepancy.ours,
        theirs=listed.discrepancy.theirs,
        reason=details.reason,
    )
    payload = await execute(command, details.idempotency_key, context, AcceptDiscrepancyPayload)
    if not payload.user_errors and (now := await _listed(request, context)) is not None:
        payload.discrepancy = Discrepancy.of(now)
    return payload


async def _listed(request: AcceptDiscrepancyInput, context: Context) -> ListedDiscrepancy | None:
    if not is_identifier(request.order_id):
        return None
    return await context.services.discrepancies.get(request.order_id, request.system)
