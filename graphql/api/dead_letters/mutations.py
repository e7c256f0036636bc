from __future__ import annotations

import strawberry

from api.context import Info
from api.dead_letters.checks import letter_id_of, reason_of
from api.dead_letters.types import (
    DeadLetter,
    DeadLetterAction,
    DiscardDeadLetterPayload,
    RedriveDeadLetterPayload,
)
from api.idempotency import OptionalKey, mark_replayed, optional_key
from api.user_errors import UserError
from domain.errors import Refused
from orchestrator.dead_letters import LetterAction


@strawberry.type
class DeadLetterMutation:
    @strawberry.mutation(
        description="For operators: let the consumer group try the message again, at once and as "
        "often as a new one, after the cause is mended. WRONG_STATE refuses a letter that WAITS: "
        "redrive or discard the one before it. A repetition before that try changes nothing, and "
        "one with the same key never."
    )
    async def redrive_dead_letter(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - its name in the contract
        idempotency_key: OptionalKey = None,
    ) -> RedriveDeadLetterPayload:
        context, services = info.context, info.context.services
        try:
            letter_id = letter_id_of(id)
            key = optional_key("redriveDeadLetter", idempotency_key, context, id=letter_id)
            action = await services.dead_letter_requests.redrive(
                letter_id, context.viewer.actor, key
            )
        except Refused as refused:
            return RedriveDeadLetterPayload(user_errors=[UserError.of_argument(refused)])
        letter = await services.dead_letters.get(action.letter_id)
        return RedriveDeadLetterPayload(action=_shown(action), letter=DeadLetter.of_any(letter))

    @strawberry.mutation(
        description="For operators: drop the message. The consumer group never handles it, and "
        "goes on with the next one of its stream. A repetition with the same reason changes "
        "nothing."
    )
    async def discard_dead_letter(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - its name in the contract
        reason: str,
        idempotency_key: OptionalKey = None,
    ) -> DiscardDeadLetterPayload:
        context, requests = info.context, info.context.services.dead_letter_requests
        try:
            letter_id, why = letter_id_of(id), reason_of(reason)
            key = optional_key(
                "discardDeadLetter", idempotency_key, context, id=letter_id, reason=why
            )
            action = await requests.discard(letter_id, context.viewer.actor, why, key)
        except Refused as refused:
            return DiscardDeadLetterPayload(user_errors=[UserError.of_argument(refused)])
        return DiscardDeadLetterPayload(action=_shown(action))


def _shown(action: LetterAction) -> DeadLetterAction:
    """Return the action for the payload. A repetition is marked in the answer's extensions."""
    if action.is_repeat:
        mark_replayed()
    return DeadLetterAction.of(action)
