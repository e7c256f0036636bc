"""The sagas' steps as data: their effect, their undo and their time-outs.

The workflows run them, the ledger shows them and docs/SAGAS.md is made from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from domain.order.commands import CancellationReason as Reason
from domain.order.state import OrderStatus as Status

Timeout = Literal["provider_timeout", "undo_timeout"]
"""The time that a provider or a database which does not answer is asked again.

The time is short while the saga can still compensate, and long where giving up would not help.
"""
Deadline = Literal[
    "backorder", "payment_window", "dispatch", "delivery", "return_window", "return_delivery"
]


@dataclass(frozen=True, slots=True)
class Undo:
    name: str
    description: str
    timeout: Timeout | None = None
    """The time-out of its activity."""
    parallel: bool = False
    """It shares nothing with the undos beside it, so they may run in parallel."""
    until_pivot: bool = False
    """The undo is impossible once the parcel has left."""


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One step of a saga. `name` is the first part of the step keys of its events."""

    name: str
    description: str
    undo: Undo | None = None
    deadline: Deadline | None = None
    """The time that it may wait for other parties; None: it waits for none."""
    timeout: Timeout | None = None
    """The time-out of its activities; None for a step that has none of its own."""
    on_failure: Reason | None = None
    """The reason of the compensation when it fails for good; None: it parks for an operator."""
    until: Status | None = None
    """The order status from which the step is done."""


RELEASE: Final = Undo(
    "release", "Release the reserved stock.", timeout="undo_timeout", parallel=True
)
GIVE_BACK: Final = Undo(
    "give_back",
    "Make sure that no money is held or kept: look up and void every attempt, or refund.",
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
    "Reserve the stock of every line, all or none; a backorder waits for it.",
    undo=RELEASE,
    deadline="backorder",
    timeout="provider_timeout",
    until=Status.RESERVED,
)
AUTHORIZE: Final = PlanStep(
    "authorize",
    "Authorize the payment at the provider, and confirm the order with it.",
    undo=GIVE_BACK,
    timeout="provider_timeout",
    on_failure=Reason.PAYMENT_FAILED,
    until=Status.CONFIRMED,
)
AWAIT_PAYMENT: Final = PlanStep(
    "await_payment",
    "Wait for the customer, if the payment is pending or declined, in a separate workflow. When "
    "the window closes, the saga compensates.",
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
    "Wait until the carrier has the parcel; poll the carrier at the deadline, which counts from "
    "the booking. When the carrier has cancelled the shipment, the saga compensates.",
    deadline="dispatch",
    timeout="provider_timeout",
    on_failure=Reason.DISPATCH_DEADLINE_MISSED,
    until=Status.SHIPPED,
)
ASK_AGAIN: Final = PlanStep(
    "ask_again",
    "When the payment's hold ends before the dispatch: stop the parcel, let the hold go, and "
    "return to `await_payment`. A parcel that has left already continues.",
    timeout="undo_timeout",
)
"""It is in no plan: it runs only when a hold ends."""
CAPTURE: Final = PlanStep(
    "capture",
    "Record that the parcel has left, and capture the money. From here on only a lost parcel or an "
    "operator starts a compensation. A payment that is owed, because its hold is gone, parks the "
    "step while the order continues; it is captured once the customer has paid again.",
    timeout="undo_timeout",
    until=Status.COMPLETED,
)
RELEASE_HOLD: Final = PlanStep(
    "release_hold",
    "After an operator has skipped `capture`: void the hold. After an operator has resolved it, or "
    "has captured by hand: look the capture up and record it. In both cases, record first that the "
    "parcel has left, unless `capture` has done so.",
    timeout="undo_timeout",
)
"""It is in no plan: it runs only when an operator has settled `capture`."""
AWAIT_DELIVERY: Final = PlanStep(
    "await_delivery",
    "Wait until the parcel has arrived; poll the carrier at each deadline. When the parcel is "
    "lost, the saga compensates and refunds the money.",
    deadline="delivery",
    timeout="provider_timeout",
    until=Status.DELIVERED,
)
DELIVER: Final = PlanStep(
    "deliver", "Record the delivery.", timeout="undo_timeout", until=Status.DELIVERED
)
AWAIT_RETURN: Final = PlanStep(
    "await_return",
    "Hold the return window open; a return runs in a separate workflow.",
    deadline="return_window",
    until=Status.COMPLETED,
)
COMPLETE: Final = PlanStep(
    "complete", "Complete the order.", timeout="undo_timeout", until=Status.COMPLETED
)

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
    "collect_return", "Ask the carrier to collect the goods.", timeout="undo_timeout"
)
AWAIT_GOODS: Final = PlanStep(
    "await_goods",
    "Wait until the goods are back.",
    deadline="return_delivery",
    timeout="undo_timeout",
)
REFUND: Final = PlanStep(
    "refund",
    "Refund the money, and put the goods into stock again.",
    timeout="undo_timeout",
)

REFUND_ORDER: Final = "refund_order_"
"""The steps of the refunds that operators request have this name, followed by a number."""

RETURN_PLAN: Final = (COLLECT_RETURN, AWAIT_GOODS, REFUND)
"""The plan of a return, which is part of an order's saga."""

LAPSE_RETURN: Final = "lapse_return"
"""The step that closes a return whose goods did not come back in time."""
FINISH_RETURN: Final = "finish_return"
"""The step that takes the goods into stock, after an operator has settled `refund`."""


def refund_order(number: int) -> PlanStep:
    """Return the only step of a refund that an operator has requested.

    Its number is part of its name, because several refunds of an order may be parked at a time.
    """
    return PlanStep(
        f"{REFUND_ORDER}{number}",
        f"Give back what an operator has promised with refund {number}.",
        timeout="undo_timeout",
    )


REFUND_AGAIN: Final = "refund_again_"


def refund_again(failure: int) -> str:
    """Return the name of the step that makes a refund good which has failed at the bank."""
    return f"{REFUND_AGAIN}{failure}"


def gives_back(step: str) -> bool:
    """Return whether the step gives captured money back."""
    is_refund = step == REFUND.name or step.startswith((REFUND_ORDER, REFUND_AGAIN))
    return is_refund or step == GIVE_BACK.name


CANCEL: Final = Undo("cancel", "Record that every step is undone.", timeout="undo_timeout")
WITHDRAW_CANCELLATION: Final = Undo(
    "withdraw_cancellation",
    "Record that the parcel left first and the order continues.",
    timeout="undo_timeout",
)

FINALIZERS: Final = (CANCEL, WITHDRAW_CANCELLATION)
"""A compensation ends with one of these."""

OF_THE_LOG: Final = frozenset(
    {
        *(step.name for step in (RESERVE, RELEASE, DELIVER, COMPLETE, *FINALIZERS)),
        LAPSE_RETURN,
        FINISH_RETURN,
    }
)
"""The steps that change the log alone, so that nobody can do them by hand.

Without them an order or its return would not end, or its stock would stay reserved for ever. So an
operator may neither skip nor resolve one.
"""
