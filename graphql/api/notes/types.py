from __future__ import annotations

import strawberry

from api.orders.types import Order
from api.payload import Payload


@strawberry.type
class AddOrderNotePayload(Payload):
    order: Order | None = None
