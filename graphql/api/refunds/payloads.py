from __future__ import annotations

import strawberry

from api.orders.types import Order
from api.payload import Payload
from api.refunds.types import OrderRefund


@strawberry.type
class RefundOrderPayload(Payload):
    order: Order | None = None
    refund: OrderRefund | None = None
