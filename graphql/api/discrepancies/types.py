from __future__ import annotations

from datetime import datetime
from typing import Self

import strawberry

from api.connections import Connection
from api.discrepancies.systems import ReconciledSystem
from api.payload import Payload
from api.sagas.types import DiscrepancyAcceptance
from eventstore.positions import PositionCodec
from queries.discrepancies import ListedDiscrepancy
from queries.keyset import Page

CURSOR_KIND = "discrepancy cursor"


@strawberry.type(description="A difference between the log and another system's records.")
class Discrepancy:
    order_id: strawberry.ID
    order_number: str | None = strawberry.field(
        description="Null for an order that the log does not know."
    )
    system: ReconciledSystem
    ours: str = strawberry.field(description="What the log says.")
    theirs: str = strawberry.field(description="What the other system says.")
    since: datetime = strawberry.field(description="When the records first differed.")
    accepted: DiscrepancyAcceptance | None = strawberry.field(
        description="Null while the difference is open. One that changes is open again."
    )

    @classmethod
    def of(cls, listed: ListedDiscrepancy) -> Self:
        found = listed.discrepancy
        return cls(
            order_id=strawberry.ID(listed.order_id),
            order_number=listed.order_number,
            system=found.system,
            ours=found.ours,
            theirs=found.theirs,
            since=found.since,
            accepted=DiscrepancyAcceptance.of(found.accepted),
        )


@strawberry.type
class DiscrepancyConnection(Connection[Discrepancy]):
    @classmethod
    def of(cls, page: Page[ListedDiscrepancy], positions: PositionCodec) -> Self:
        cursors = [positions.seal(item.key, CURSOR_KIND) for item in page.items]
        nodes = [Discrepancy.of(item) for item in page.items]
        return cls.holding(page, cursors, nodes)


@strawberry.type
class AcceptDiscrepancyPayload(Payload):
    discrepancy: Discrepancy | None = None
