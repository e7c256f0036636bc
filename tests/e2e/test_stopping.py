"""An API that stops serves what still arrives, and sends its clients elsewhere."""

from __future__ import annotations

import signal
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from kit.eventually import eventually
from stack.system import System
from stack.tokens import Role
from tests.e2e.orders import THERE, an_order, ask
from tests.e2e.shop import SERVICE_RESTART
from tests.e2e.test_api_process import api
from tests.support.api_client import connecting, operation

DRAIN = "WAYBILL_API_DRAIN"
LONG_ENOUGH = {DRAIN: "PT5S"}
ENDED_BY_ITSELF = {0, -signal.SIGTERM}


async def is_not_ready(http: httpx.AsyncClient) -> bool:
    return (await http.get("/readyz")).status_code == httpx.codes.SERVICE_UNAVAILABLE


async def test_a_stopping_api_is_not_ready_and_serves_a_last_request_on_a_closing_connection(
    system: System, tmp_path: Path
) -> None:
    async with api(system, tmp_path / "log", **LONG_ENOUGH) as (process, http):
        before = await http.get("/healthz")
        assert "connection" not in before.headers
        process.process.send_signal(signal.SIGTERM)

        await eventually(lambda: is_not_ready(http))
        checks = (await http.get("/readyz")).json()["checks"]
        assert checks["stopping"]["required"] is True
        assert (await http.get("/healthz")).headers["connection"] == "close"
        order = (await ask(http, "PlaceOrder", input=an_order(THERE)))["placeOrder"]
        assert order["userErrors"] == []
        code = await process.ends(30)

    assert code in ENDED_BY_ITSELF
    with pytest.raises(httpx.ConnectError):
        await http_error(http)


async def http_error(http: httpx.AsyncClient) -> None:
    async with httpx.AsyncClient(base_url=http.base_url, trust_env=False) as another:
        await another.get("/healthz")


async def test_a_subscriber_is_told_to_connect_again_and_resumes_after_its_position(
    system: System, tmp_path: Path
) -> None:
    token = system.token(Role.CUSTOMER, "customer-of-the-test")
    headers = {"authorization": f"Bearer {token}"}
    async with api(system, tmp_path / "log") as (process, http):
        order = (await ask(http, "PlaceOrder", input=an_order(THERE)))["placeOrder"]["order"]
        async with connecting(str(http.base_url)) as socket:
            await socket.send(type="connection_init", payload=headers)
            assert await socket.receive() == {"type": "connection_ack"}
            await socket.subscribe(operation("OrderUpdates"), orderId=order["id"])
            last = await socket.update()
            process.process.send_signal(signal.SIGTERM)
            with suppress(ConnectionClosed):
                while True:
                    last = await socket.update()
            assert socket.connection.close_code == SERVICE_RESTART
        assert await process.ends(30) in ENDED_BY_ITSELF

    async with connecting(system.url) as socket:
        await socket.send(type="connection_init", payload=headers)
        assert await socket.receive() == {"type": "connection_ack"}
        await socket.subscribe(
            operation("OrderUpdates"), orderId=order["id"], after=last["position"]
        )
        seen = [last["eventType"]]
        while seen[-1] != "OrderCompleted":
            seen.append((await socket.update())["eventType"])
    assert len(seen) == len(set(seen))


async def test_a_second_signal_ends_the_drain(system: System, tmp_path: Path) -> None:
    async with api(system, tmp_path / "log", **{DRAIN: "PT4M"}) as (process, http):
        process.process.send_signal(signal.SIGTERM)
        await eventually(lambda: is_not_ready(http))
        code, _ = await process.stops(signal.SIGTERM)
    assert code in ENDED_BY_ITSELF
