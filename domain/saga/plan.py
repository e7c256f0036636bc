"""The sagas' steps as data: what each does, how it is undone and how long it may take.

The workflows run them, the ledger shows them and docs/SAGAS.md is made from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from domain.order.commands import CancellationReason as Reason
from domain.order.state import OrderStatus as Status

Timeout = Literal["provider_timeout", "undo_timeout"]
"""How long a provider is asked again that does not answer: briefly where the saga can still turn
round, for long where giving up helps nobody."""
Deadline = Literal[
    "backorder", "payment_window", "dispatch", "delivery", "return_window", "return_delivery"
]


@dataclass(frozen=True, slots=True)
class Undo:
    name: str
    description: str
    timeout: Timeout | None = None
    """None: it asks no provider."""
    parallel: bool = False
    """Nothing of it touches what the undos beside it touch: they may run at the same time."""
    until_pivot: bool = False
    """Not possible any more once the parcel has left."""


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One step of a saga. `name` is the first part of the step keys of its events."""

    name: str
    description: str
    undo: Undo | None = None
    deadline: Deadline | None = None
    """How long it may wait for others; None: it waits for nobody."""
    timeout: Timeout | None = None
    """None: it asks no provider; our database is asked until it answers."""
    on_failure: Reason | None = None
    """Why the saga turns round when it fails for good; None: it parks, and a person decides."""
    until: Status | None = None
    """The status from which on it need not run again."""


RELEASE: Final = Undo("release", "Give back the stock that is held.", parallel=True)
GIVE_BACK: Final = Undo(
    "give_back",
    "Make sure that nothing is taken or kept: look up and void every attempt, or refund.",
    timeout="undo_timeout",
    parallel=True,
)
CANCEL_SHIPMENT: Final = Undo(
    "cancel_shipment",
    "Stop the parcel, unless it has left.",
    timeout="undo_timeout",
    until_pivot=True,
)

RESERVE: Final = PlanStep(
    "reserve",
    "Hold every line's stock, all or none; a backorder waits for it.",
    undo=RELEASE,
    deadline="backorder",
    until=Status.RESERVED,
)
AUTHORIZE: Final = PlanStep(
    "authorize",
    "Set the money aside at the payment provider, and confirm the order with it.",
    undo=GIVE_BACK,
    timeout="provider_timeout",
    on_failure=Reason.PAYMENT_FAILED,
    until=Status.CONFIRMED,
)
AWAIT_PAYMENT: Final = PlanStep(
    "await_payment",
    "Wait for the customer, if the payment is pending or declined: a workflow of its own. When "
    "the window closes, the saga turns round.",
    deadline="payment_window",
    timeout="provider_timeout",
    on_failure=Reason.PAYMENT_FAILED,
    until=Status.CONFIRMED,
)
CREATE_SHIPMENT: Final = PlanStep(
    "create_shipment",
    "Ask the carrier to collect the parcel.",
    undo=CANCEL_SHIPMENT,
    timeout="provider_timeout",
    on_failure=Reason.SHIPMENT_FAILED,
    until=Status.SHIPPED,
)
AWAIT_DISPATCH: Final = PlanStep(
    "await_dispatch",
    "Wait until the carrier has the parcel; a silent carrier is asked once more, and one that has "
    "cancelled the shipment turns the saga round.",
    deadline="dispatch",
    timeout="provider_timeout",
    on_failure=Reason.DISPATCH_DEADLINE_MISSED,
    until=Status.SHIPPED,
)
CAPTURE: Final = PlanStep(
    "capture",
    "Record that the parcel has left, and take the money. From here on only a "
    "lost parcel or a person turns the saga round.",
    timeout="undo_timeout",
    until=Status.COMPLETED,
)
AWAIT_DELIVERY: Final = PlanStep(
    "await_delivery",
    "Wait until the parcel has arrived; a silent carrier is asked at each deadline, and a parcel "
    "that is lost turns the saga round: the money goes back.",
    deadline="delivery",
    timeout="provider_timeout",
    until=Status.DELIVERED,
)
DELIVER: Final = PlanStep("deliver", "Record the delivery.", until=Status.DELIVERED)
AWAIT_RETURN: Final = PlanStep(
    "await_return",
    "Hold the return window open; a return is a workflow of its own.",
    deadline="return_window",
    until=Status.COMPLETED,
)
COMPLETE: Final = PlanStep("complete", "Close the order.", until=Status.COMPLETED)

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

COLLECT_RETURN: Final = PlanStep(
    "collect_return", "Ask the carrier to fetch the goods back.", timeout="undo_timeout"
)
AWAIT_GOODS: Final = PlanStep(
    "await_goods",
    "Wait until the goods are back.",
    deadline="return_delivery",
    timeout="undo_timeout",
)
REFUND: Final = PlanStep(
    "refund",
    "Give the money back, and put the goods into stock again.",
    timeout="undo_timeout",
)

RETURN_PLAN: Final = (COLLECT_RETURN, AWAIT_GOODS, REFUND)
"""The saga of a return, part of an order's."""

CANCEL: Final = Undo("cancel", "Record that everything is undone.")
WITHDRAW_CANCELLATION: Final = Undo(
    "withdraw_cancellation", "Record that the parcel left first and the order goes on."
)

FINALIZERS: Final = (CANCEL, WITHDRAW_CANCELLATION)
"""A compensation ends with one of these."""
