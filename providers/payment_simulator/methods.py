"""The test payment methods: Stripe's own, and `pm_waybill_*` for what Stripe does not offer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from providers.simulation.faults import Fault

VISA: Final = "pm_card_visa"
DECLINED: Final = "pm_card_chargeDeclined"
INSUFFICIENT_FUNDS: Final = "pm_card_chargeDeclinedInsufficientFunds"
APPROVAL: Final = "pm_card_authenticationRequired"
"""The customer has to approve the payment at their bank."""

SHORT_HOLD: Final = "pm_waybill_shortHold"
"""The bank releases the hold after 10 s, where most cards hold the money for 7 days."""


@dataclass(frozen=True, slots=True)
class Method:
    decline_code: str | None = None
    authenticate: bool = False
    fault: Fault | None = None
    refund_fails_once: bool = False
    """The first refund succeeds, and then fails at the bank."""
    hold_seconds: float | None = None
    """The time after which the bank releases the hold; None for the simulator's own."""


METHODS = {
    VISA: Method(),
    DECLINED: Method(decline_code="generic_decline"),
    INSUFFICIENT_FUNDS: Method(decline_code="insufficient_funds"),
    APPROVAL: Method(authenticate=True),
    "pm_waybill_timeoutBefore": Method(fault=Fault.TIMEOUT_BEFORE),
    "pm_waybill_timeoutAfter": Method(fault=Fault.TIMEOUT_AFTER),
    "pm_waybill_refundFailsOnce": Method(refund_fails_once=True),
    SHORT_HOLD: Method(hold_seconds=10),
    "pm_waybill_unavailable": Method(fault=Fault.UNAVAILABLE),
}
