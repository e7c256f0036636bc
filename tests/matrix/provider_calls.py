"""List the provider calls of each activity: each call can get a bad answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.matrix import scenarios as way
from tests.matrix.operations import LOOK
from tests.matrix.scenarios import Scenario


@dataclass(frozen=True)
class Call:
    """One call of an attempt, named by the simulator's operation."""

    operation: str
    nth: int = 1
    """The number of this call among the attempt's calls of the operation."""
    after: str | None = None
    """The operation whose answer must be lost first: only the next attempt makes this call."""

    is_in_vain: bool = False
    """The call has no effect in this scenario: it is refused, or was done before."""

    @property
    def changes(self) -> bool:
        return self.operation != LOOK and not self.is_in_vain

    @property
    def name(self) -> str:
        number = f" {self.nth}" if self.nth > 1 else ""
        return f"{self.operation}{number}" + (f" after a lost {self.after}" if self.after else "")


Calls = tuple[Call, ...]

_LOOK: Final = Call(LOOK)
_CANCEL: Final = Call("cancel")

CALLS: Final[Mapping[str, Calls]] = {
    "authorize": (Call("create"), Call("confirm"), Call(LOOK, after="confirm")),
    "authorize_again": (
        Call("create"),
        _CANCEL,  # of the attempt before
        Call("confirm"),
        Call(LOOK, after="confirm"),
    ),
    "cancel_shipment": (
        _CANCEL,  # the fence
        Call("cancel", nth=2),
        Call(LOOK, after="cancel"),
    ),
    "capture": (Call("capture"), Call(LOOK, after="capture")),
    "check_hold": (_LOOK,),
    "collect_return": (Call("return"), Call(LOOK, after="return")),
    "create_shipment": (Call("create"), Call(LOOK, after="create")),
    "end_hold": (_LOOK,),
    "end_refund": (),  # the log alone
    "give_back": (_CANCEL, Call(LOOK, after="cancel")),
    "look_up": (_LOOK,),
    **dict.fromkeys(("refund", "refund_order"), (_LOOK, Call("refund"), Call(LOOK, nth=2))),
    "request_payment": (),  # the log alone
    "stop_parcel": (
        _CANCEL,  # the fence
        Call("cancel", nth=2),
        Call(LOOK, after="cancel"),
    ),
    "track": (_LOOK,),
    "track_return": (_LOOK,),
}
"""The usual calls of each activity that calls a provider."""
_ELSEWHERE: Final[Mapping[tuple[str, str], Calls]] = {
    # Nothing was ever sent: the fence alone prevents a late request.
    ("cancel_shipment", way.ADDRESS_REFUSED.name): (_CANCEL, Call(LOOK, after="cancel")),
    # The parcel has left: the refusal, and then the look-up of what is to be recorded.
    ("cancel_shipment", way.TOO_LATE.name): (
        _CANCEL,
        Call("cancel", nth=2, is_in_vain=True),
        _LOOK,
    ),
    # The hold is gone: the capture is refused, and the payment read.
    ("capture", way.OWED.name): (Call("capture", is_in_vain=True), _LOOK, Call(LOOK, nth=2)),
    # The payment is captured: the void is refused, the payment read twice, and the money refunded.
    ("give_back", way.LOST.name): (
        Call("cancel", is_in_vain=True),
        _LOOK,
        Call(LOOK, nth=2),
        Call("refund"),
        Call(LOOK, nth=3),
    ),
    # The log has no reference of the attempt: repeating the request finds it.
    ("give_back", way.PAYMENT_REFUSED.name): (
        Call("create", is_in_vain=True),
        _CANCEL,
        Call(LOOK, after="cancel"),
    ),
}


def calls_of(activity: str, scenario: Scenario) -> Calls:
    special = _ELSEWHERE.get((activity, scenario.name))
    if special is None and activity not in CALLS:
        raise LookupError(f"say in CALLS what {activity} asks its provider, call by call")
    return CALLS[activity] if special is None else special
