"""Tell an operator of this command line what to do about a code of the API.

A code is missing here if the API's own message already says it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ADVICE: Final[Mapping[str, str]] = {
    "FORBIDDEN": "The role of the token is not enough: try --role admin, or an admin's token",
    "IDEMPOTENCY_KEY_REUSED": "Leave --key out, or pass a new one",
    "INSUFFICIENT_STOCK": "Read the figures with `waybill stock show SKU`",
    "NOT_FOUND": "Check the id or the number, and the deployment that --url names",
    "ORDER_LOST": "Recover the order with `make recover ORDER=id` beside the database",
    "ORDER_NOT_CANCELLABLE": "Read its state with `waybill orders show ORDER`",
    "OUTCOME_UNKNOWN": "Run the same command again, with the same --key if you passed one: nothing "
    "is done twice",
    "POSITION_LOST": "Begin again without --after",
    "RATE_LIMITED": "Wait as long as it says, and run the command again",
    "RECORD_LOST": "Read the state first, then run the command with a new --key",
    "SAGA_ALREADY_COMPENSATING": "Read it with `waybill sagas show ORDER`",
    "SAGA_NOT_PARKED": "Read it with `waybill sagas show ORDER`",
    "UNAUTHENTICATED": "Pass a valid --token, or set WAYBILL_JWT_SECRET to the secret of this "
    "deployment",
    "UNAVAILABLE": "Run the same command again: nothing is done twice",
    "WRONG_STATE": "Read its state first",
}
