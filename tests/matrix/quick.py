"""Choose the cases of some scenarios which `make matrix` always runs; `FULL=1` runs them all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

from tests.matrix import scenarios as way
from tests.matrix.cases import Case

_CHOSEN_FROM: Final = {
    each.name for each in (way.HOLD_ENDED, way.OWED, way.REFUND_REQUESTED, way.REQUEST_SETTLED)
}
QUICK: Final = frozenset(
    {
        "check_hold at look (hold ended): terminated during",
        "stop_parcel at cancel 2 (hold ended): time-out after the effect",
        "end_hold at look (hold ended): terminated after",
        "capture at capture (owed): terminated after",
        "idle until a new hold (hold ended): cancelled by the customer",
        "refund_order at refund (refund requested): worker killed during",
        "refund_order at refund (refund requested): down for longer than the retries",
        "refund_order at refund (refund requested): terminated during",
        "end_refund (requested refund by hand): terminated during",
    }
)


def selected(cases: Iterable[Case]) -> list[Case]:
    if os.environ.get("FULL"):
        return list(cases)
    return [
        case for case in cases if case.point.scenario.name not in _CHOSEN_FROM or case.name in QUICK
    ]
