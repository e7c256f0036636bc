from __future__ import annotations

import strawberry

from api.payload import Payload
from api.products.types import Product


@strawberry.type
class ReceiveStockPayload(Payload):
    product: Product | None = None
