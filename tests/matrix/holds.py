"""Choose the cases of a hold that ends which `make matrix` always runs; `FULL=1` runs them all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

from tests.matrix import scenarios as way
from tests.matrix.cases import Case

_OF_HOLDS: Final = {way.HOLD_ENDED.name, way.OWED.name}
QUICK: Final = frozenset(
    {
        "check_hold at look (hold ended): terminated during",
        "stop_parcel at cancel 2 (hold ended): time-out after the effect",
        "end_hold at look (hold ended): terminated after",
        "capture at capture (owed): terminated after",
        "idle until a new hold (hold ended): cancelled by the customer",
    }
)


def selected(cases: Iterable[Case]) -> list[Case]:
    if os.environ.get("FULL"):
        return list(cases)
    return [
        case for case in cases if case.point.scenario.name not in _OF_HOLDS or case.name in QUICK
    ]
