"""The example of another team follows the orders on NATS, with the effect of each event once."""

from __future__ import annotations

from pathlib import Path

from eventbus.nats.names import STREAM
from tests.support.bus_log import Log
from tests.support.example_process import as_missed, has_rows, rows, running
from tests.support.nats import NatsBroker

ORDERS = "SELECT stream, version, type FROM orders ORDER BY stream"
SEEN = "SELECT count(*) FROM seen"
RESERVED = "waybill.OrderReserved.v1"


async def publish_again(broker: NatsBroker) -> None:
    """Publish the first event again, and one that was lost: a republication comes late."""
    async with broker.jetstream() as stream:
        message = await stream.get_msg(STREAM, 1)
        body = message.data or b""
        for number, again in enumerate((body, as_missed(body))):
            headers = (message.headers or {}) | {"Nats-Msg-Id": f"again-{number}"}
            await stream.publish(str(message.subject), again, headers=headers)


async def test_it_keeps_the_last_event_of_each_order_and_takes_a_repetition_once(
    log: Log, broker: NatsBroker, tmp_path: Path
) -> None:
    file = tmp_path / "orders.db"
    await log.append(3, "order-1")
    await log.append(1, "product-1")
    async with log.relaying():
        await log.relayed_to((await log.append(2, "order-2"))[-1])
        async with running("follow_nats.py", broker.url, str(file)):
            await has_rows(file, SEEN, [(5,)])
        await publish_again(broker)
        await log.append(1, "order-2")
        async with running("follow_nats.py", broker.url, str(file)):
            await has_rows(file, SEEN, [(7,)])

    assert rows(file, ORDERS) == [("order-1", 3, RESERVED), ("order-2", 3, RESERVED)]
