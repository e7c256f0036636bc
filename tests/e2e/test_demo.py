from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from stack.run import DEMO_DEADLINES, DEMO_PRICES
from stack.system import System, started_system
from tests.e2e.conftest import demonstration

ORDERS = "5"
"""The orders that just succeed, beside the 53 of the other outcomes."""
BECAME = {
    "completed": "5 COMPLETED",
    "declined, then paid again": "8 COMPLETED",
    "approved at the bank": "6 COMPLETED",
    "out of stock": "5 REJECTED",
    "cancelled at once": "4 CANCELLED",
    "cancelled before dispatch": "4 CANCELLED",
    "address refused": "5 CANCELLED",
    "carrier out of order": "3 CANCELLED",
    "payment window missed": "3 CANCELLED",
    "dispatch deadline missed": "2 CANCELLED",
    "waited for stock": "4 COMPLETED",
    "returned": "4 RETURNED",
    "returned in part": "3 COMPLETED",
    "parcel lost": "2 CANCELLED",
}
ADDS_UP = "Stock and money add up"
PARTS = r"(\d+) lines - (\d+) discount \+ (\d+) shipping \+ (\d+) tax = \d+"
NO_PARTS = "- 0 discount + 0 shipping + 0 tax"

pytestmark = pytest.mark.timeout(240)


@pytest.mark.long
async def test_the_demo_succeeds(system: System) -> None:
    async with demonstration(system, "--orders", ORDERS) as demo:
        assert await demo.ends() == 0, demo.printed
    assert demo.became == BECAME
    assert "Every order ended as expected." in demo.printed
    assert ADDS_UP in demo.printed
    printed = " ".join(demo.printed.split())
    assert NO_PARTS in printed
    mails = re.search(r"(\d+) mails have arrived, one for each final fact", printed)
    assert mails
    assert int(mails[1]) > int(ORDERS)
    assert "still to be sent" not in printed


async def test_an_interrupted_demo_stops_with_one_line(system: System) -> None:
    async with demonstration(system, "--orders", ORDERS) as demo:
        await demo.prints("Placing 58 orders")
        demo.process.send_signal(signal.SIGINT)
        assert await demo.ends() == 130, demo.printed
    assert demo.printed.splitlines()[-1] == (
        "The demonstration was interrupted; its orders continue without it."
    )
    assert "Traceback" not in demo.printed


@pytest.mark.long
async def test_a_killed_worker_changes_nothing_with_discount_and_tax(tmp_path: Path) -> None:
    given = {
        **DEMO_DEADLINES,
        **DEMO_PRICES,
        "WAYBILL_PAYMENT_WINDOW": "PT20S",
        "WAYBILL_DISPATCH_DEADLINE": "PT20S",
    }
    async with (
        started_system(tmp_path, workers=2, given=given) as system,
        demonstration(system, "--orders", ORDERS) as demo,
    ):
        await demo.prints("20 of 58 orders have ended")
        system.workers[0].kill()
        assert await demo.ends() == 0, demo.printed
    assert demo.became == BECAME
    assert ADDS_UP in demo.printed
    kept = re.search(PARTS, " ".join(demo.printed.split()))
    assert kept
    assert all(int(amount) > 0 for amount in kept.groups())
