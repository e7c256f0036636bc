"""Operators read the analytics, and are notified when they change."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from time import monotonic
from uuid import uuid4

import pytest

from domain.order.commands import CancellationReason, RejectionReason
from domain.order.events import OrderCancelled, OrderRejected
from kit.pool import Pool
from queries.analytics import AnalyticsQueries, AnalyticsRequest, AnalyticsView
from tests.support.analytics import follow
from tests.support.api_client import Api, Json, Viewer, operation
from tests.support.order_parts import a_line

TICKS = "subscription { analytics { position positionNumber } }"
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
RANGE: Mapping[str, object] = {
    "from": (TODAY - timedelta(days=2)).isoformat(),
    "to": (TODAY + timedelta(days=2)).isoformat(),
}


@pytest.fixture
def eve(module_api: Api) -> Viewer:
    return module_api.viewer("operator")


async def recorded(api: Api, pool: Pool) -> int:
    """Record four orders of 5.00, 5.00, 5.00 and 5.01 with their outcomes."""
    cheap, dear = a_line("mug", quantity=2, unit_price=250), a_line("pot", unit_price=501)
    orders = [str(uuid4()) for _ in range(4)]
    for order_id, line in zip(orders, [cheap, cheap, cheap, dear], strict=True):
        await api.log.place(order_id, lines=[line])
    await api.log.append(
        f"order-{orders[0]}",
        OrderCancelled(order_id=orders[0], reason=CancellationReason.CUSTOMER_REQUEST),
    )
    await api.log.append(
        f"order-{orders[1]}",
        OrderRejected(order_id=orders[1], reason=RejectionReason.OUT_OF_STOCK, sku="mug"),
    )
    return await follow(pool)


async def test_the_figures_are_those_of_the_log(
    module_api: Api, module_pool: Pool, eve: Viewer
) -> None:
    before = await eve.run("Analytics", **RANGE)
    assert (before["totals"], before["topProducts"], len(before["overTime"])) == ([], [], 4)

    position = await recorded(module_api, module_pool)
    found = await eve.run("Analytics", **RANGE, currency="EUR")

    (total,) = found["totals"]
    assert (total["orders"], total["orderValue"]["amount"]) == (4, 2001)
    assert total["averageOrderValue"]["amount"] == 500
    assert (total["cancelled"], total["rejected"], total["stockOuts"]) == (1, 1, 1)
    assert found["cancellations"] == [{"reason": "CUSTOMER_REQUEST", "count": 1}]
    assert found["rejections"] == [{"reason": "OUT_OF_STOCK", "count": 1}]
    assert found["topProducts"] == [
        {"sku": "mug", "pieces": 6, "value": {"amount": 1500, "currency": "EUR"}},
        {"sku": "pot", "pieces": 1, "value": {"amount": 501, "currency": "EUR"}},
    ]
    assert found["funnel"][0] == {"stage": "PLACED", "orders": 4}
    assert {saga["outcome"]: saga["durations"]["count"] for saga in found["sagas"]} == {
        "COMPLETED": 0,
        "CANCELLED": 1,
        "REJECTED": 1,
        "RETURNED": 0,
    }
    assert [[f["orders"] for f in b["figures"]] for b in found["overTime"]] == [[0], [0], [4], [0]]
    assert module_api.number(found["position"]) == position


async def test_another_currency_has_zeros_alone(
    module_api: Api, module_pool: Pool, eve: Viewer
) -> None:
    await recorded(module_api, module_pool)

    found = await eve.run("Analytics", **RANGE, currency="USD")

    assert [(total["currency"], total["orders"]) for total in found["totals"]] == [("USD", 0)]
    assert found["topProducts"] == found["cancellations"] == []


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"to": RANGE["from"]}, "to: the range ends before it begins: pass a time after `from`"),
        ({"from": "2026-05-01T10:07:00Z"}, "from: pass a full quarter of an hour, such as 10:00"),
        ({"from": "2026-05-01T10:00:00"}, "from: the time needs a time zone"),
        ({"from": "1999-05-01T10:00:00Z"}, "from: pass a time from the year 2000 to"),
        ({"to": "9999-12-31T23:45:00-01:00"}, "to: pass a time from the year 2000 to"),
        ({"timeZone": "Mars/Olympus"}, "timeZone: this is no time zone: pass one such as"),
        ({"timeZone": "../../etc/passwd"}, "timeZone: this is no time zone: pass one such as"),
        ({"currency": "euro"}, "currency: pass a code of three capital letters, such as EUR"),
        ({"first": 0}, "first must be from 1 to 100"),
        (
            {"from": "2025-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z", "grain": "HOUR"},
            "grain: the range has more than 1000 buckets of one HOUR: pass DAY, or a shorter range",
        ),
    ],
)
async def test_a_wrong_argument_is_refused_by_name(
    eve: Viewer, changed: Json, message: str
) -> None:
    answer = await eve.ask(operation("Analytics"), **{**RANGE, **changed})

    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["message"].startswith(message)


async def test_there_are_no_buckets_of_a_minute(eve: Viewer) -> None:
    answer = await eve.ask(operation("Analytics"), **RANGE, grain="MINUTE")

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]


async def test_customers_get_neither_the_figures_nor_a_tick(module_api: Api) -> None:
    ada = module_api.viewer()
    answer = await ada.ask(operation("Analytics"), **RANGE)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]

    async with ada.socket() as socket:
        await socket.subscribe(TICKS)
        message = await socket.receive()
    assert message["type"] == "next"
    assert message["payload"]["data"] is None
    assert [e["extensions"]["code"] for e in message["payload"]["errors"]] == ["FORBIDDEN"]


async def test_a_subscriber_gets_a_tick_within_a_second_of_a_change(
    module_api: Api, module_pool: Pool, eve: Viewer
) -> None:
    async with eve.socket() as socket:
        await socket.subscribe(operation("AnalyticsUpdates"), **RANGE)
        first = (await socket.receive())["payload"]["data"]["analytics"]
        position = await recorded(module_api, module_pool)
        committed = monotonic()
        second = (await socket.receive())["payload"]["data"]["analytics"]
        took = monotonic() - committed

    assert module_api.number(second["position"]) == position
    assert module_api.number(first["position"]) < position
    assert module_api.number(second["analytics"]["position"]) == position
    assert second["analytics"]["totals"][0]["orders"] >= 4
    assert took < 1.1


ZONED = """
    subscription($zone: String!) { analytics { ...Zone } }
    fragment Zone on AnalyticsTick {
      analytics(from: "2026-01-01T00:00:00Z", to: "2026-02-01T00:00:00Z", timeZone: $zone) {
        timeZone
        totals { orders }
      }
    }
"""


async def test_subscribers_share_a_read_unless_their_variables_differ(
    module_api: Api, module_pool: Pool, eve: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = 0
    read = AnalyticsQueries.read

    async def counted(queries: AnalyticsQueries, request: AnalyticsRequest) -> AnalyticsView:
        nonlocal reads
        reads += 1
        return await read(queries, request)

    monkeypatch.setattr(AnalyticsQueries, "read", counted)
    zones = ["Europe/Zurich", "Europe/Zurich", "Asia/Kathmandu"]
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(eve.socket()) for _ in zones]
        for socket, zone in zip(sockets, zones, strict=True):
            await socket.subscribe(ZONED, zone=zone)
            await socket.receive()
        reads = 0
        await recorded(module_api, module_pool)
        ticks = [(await socket.receive())["payload"]["data"]["analytics"] for socket in sockets]

    assert [tick["analytics"]["timeZone"] for tick in ticks] == zones
    assert reads == 2
