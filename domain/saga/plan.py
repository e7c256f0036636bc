"""The sagas' steps as data: what each does, how it is undone and how long it may take.

The workflows run them, the ledger shows them and docs/SAGAS.md is made from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from domain.order.commands import CancellationReason as Reason
from domain.order.state import OrderStatus as Status


@dataclass(frozen=True, slots=True)
class Undo:
    name: str
    does: str
    stands_alone: bool = False
    """Nothing of it touches what the undos beside it touch: they may run at the same time."""
    until_pivot: bool = False
    """Not possible any more once the parcel has left."""


@dataclass(frozen=True, slots=True)
class SagaStep:
    """One step of a saga. `name` is the first part of the step keys of its events."""

    name: str
    does: str
    undo: Undo | None = None
    deadline: str | None = None
    """Which of the deadlines limits it; None: it is tried until it is done."""
    on_failure: Reason | None = None
    """Why the saga turns round when it fails for good; None: it parks, and a person decides."""
    until: Status | None = None
    """The status from which on it need not run again."""


RESERVE: Final = SagaStep(
    "reserve",
    "Hold every line's stock, all or none; a backorder waits for it.",
    undo=Undo("release", "Give back the stock that is held.", stands_alone=True),
    deadline="backorder",
    until=Status.RESERVED,
)
AUTHORIZE: Final = SagaStep(
    "authorize",
    "Set the money aside at the payment provider, and confirm the order with it.",
    undo=Undo(
        "give_back",
        "Make sure that nothing is taken or kept: look up and void every attempt, or refund.",
        stands_alone=True,
    ),
    deadline="provider_patience",
    on_failure=Reason.PAYMENT_FAILED,
    until=Status.CONFIRMED,
)
AWAIT_PAYMENT: Final = SagaStep(
    "await_payment",
    "Wait for the customer, if the payment is pending or declined: a workflow of its own.",
    deadline="payment_window",
    on_failure=Reason.PAYMENT_FAILED,
    until=Status.CONFIRMED,
)
CREATE_SHIPMENT: Final = SagaStep(
    "create_shipment",
    "Ask the carrier to collect the parcel.",
    undo=Undo("cancel_shipment", "Stop the parcel, unless it has left.", until_pivot=True),
    deadline="provider_patience",
    on_failure=Reason.SHIPMENT_FAILED,
    until=Status.SHIPPED,
)
AWAIT_DISPATCH: Final = SagaStep(
    "await_dispatch",
    "Wait until the carrier has the parcel; a silent carrier is asked once more.",
    deadline="dispatch",
    on_failure=Reason.DISPATCH_DEADLINE_MISSED,
    until=Status.SHIPPED,
)
CAPTURE: Final = SagaStep(
    "capture",
    "Record that the parcel has left, and take the money. From here on there is no way back.",
    until=Status.COMPLETED,
)
AWAIT_DELIVERY: Final = SagaStep(
    "await_delivery",
    "Wait until the parcel has arrived; a silent carrier is asked at each deadline.",
    deadline="delivery",
    until=Status.DELIVERED,
)
DELIVER: Final = SagaStep("deliver", "Record the delivery.", until=Status.DELIVERED)
AWAIT_RETURN: Final = SagaStep(
    "await_return",
    "Hold the return window open; a return is a workflow of its own.",
    deadline="return_window",
    until=Status.COMPLETED,
)
COMPLETE: Final = SagaStep("complete", "Close the order.", until=Status.COMPLETED)

ORDER_PLAN: Final = (
    RESERVE,
    AUTHORIZE,
    AWAIT_PAYMENT,
    CREATE_SHIPMENT,
    AWAIT_DISPATCH,
    CAPTURE,
    AWAIT_DELIVERY,
    DELIVER,
    AWAIT_RETURN,
    COMPLETE,
)

COLLECT_RETURN: Final = SagaStep("collect_return", "Ask the carrier to fetch the goods back.")
AWAIT_GOODS: Final = SagaStep(
    "await_goods", "Wait until the goods are back.", deadline="return_delivery"
)
REFUND: Final = SagaStep("refund", "Give the money back, and put the goods into stock again.")

RETURN_PLAN: Final = (COLLECT_RETURN, AWAIT_GOODS, REFUND)
"""The saga of a return, part of an order's."""

CLOSING: Final = (
    Undo("cancel", "Record that all is undone."),
    Undo("withdraw_cancellation", "The parcel was quicker: the order goes on."),
)
"""What ends a compensation, the one or the other."""
