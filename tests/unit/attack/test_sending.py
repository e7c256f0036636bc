"""An attacker records certain answers as faults of the service."""

from __future__ import annotations

import httpx
import pytest

from tests.attack.report import Side
from tests.attack.sending import send
from tests.integration.api.fuzzing import Sent

INTERNAL = '{"errors": [{"message": "m", "extensions": {"code": "INTERNAL"}}]}'
SEND_AGAIN = "the carrier does not confirm this notification yet; send it again"


async def side_after(path: str, status: int, text: str = "") -> Side:
    side = Side("requests")
    transport = httpx.MockTransport(lambda _: httpx.Response(status, text=text))
    async with httpx.AsyncClient(base_url="http://none", transport=transport) as http:
        await send(http, side, Sent("POST", path), {}, is_case=True)
    return side


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/graphql", 500, ""),
        ("/graphql", 503, SEND_AGAIN),
        ("/graphql", 200, INTERNAL),
        ("/readyz", 503, '{"status": "not ready"}'),
        ("/webhooks/shipping", 500, ""),
        ("/webhooks/shipping", 503, "the database is unavailable; send it again"),
    ],
)
async def test_a_server_error_is_a_fault(path: str, status: int, text: str) -> None:
    side = await side_after(path, status, text)

    assert side.faults == [f"{status} for POST {path} b'': {text}"]
    assert side.cases == {path: 1}


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/graphql", 400, ""),
        ("/graphql?query=5", 429, ""),
        ("/graphql", 200, 'a text with "INTERNAL" in it'),
        ("/webhooks/shipping", 503, SEND_AGAIN),
        ("/webhooks/payments?a", 503, "this webhook is being handled; send it again"),
    ],
)
async def test_a_documented_answer_is_no_fault(path: str, status: int, text: str) -> None:
    assert (await side_after(path, status, text)).faults == []
