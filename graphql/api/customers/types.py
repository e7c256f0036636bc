from __future__ import annotations

import strawberry

from api.payload import Payload


@strawberry.type
class EraseCustomerPayload(Payload):
    pass
