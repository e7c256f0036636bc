from __future__ import annotations

import strawberry

from api.context import Info
from api.idempotency import OptionalKey, change_once, optional_key
from api.operator_notices.checks import note_of, notice_id_of
from api.operator_notices.types import AcknowledgeNoticePayload, OperatorNotice
from api.user_errors import UserError
from domain.errors import Refused


@strawberry.type
class OperatorNoticeMutation:
    @strawberry.mutation(
        description="For operators: say that you know of the notice, so that it is not said again. "
        "A notice that is acknowledged keeps its first acknowledgement, which is the answer. "
        "WRONG_STATE refuses one whose cause has ended."
    )
    async def acknowledge_notice(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - its name in the contract
        note: str | None = None,
        idempotency_key: OptionalKey = None,
    ) -> AcknowledgeNoticePayload:
        context, services, actor = info.context, info.context.services, info.context.viewer.actor
        acknowledge = services.acknowledgements.acknowledge
        try:
            notice_id, text = notice_id_of(id), note_of(note)
            key = optional_key(
                "acknowledgeNotice", idempotency_key, context, id=notice_id, note=text
            )
            await change_once(key, context, lambda: acknowledge(notice_id, actor, text, key))
        except Refused as refused:
            return AcknowledgeNoticePayload(user_errors=[UserError.of_argument(refused)])
        notice = await services.operator_notices.get(notice_id)
        return AcknowledgeNoticePayload(notice=OperatorNotice.of_any(notice))
