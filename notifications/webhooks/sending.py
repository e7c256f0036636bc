"""Send the deliveries of one endpoint: in order within each stream, several streams at a time."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Final, Protocol

from notifications.tracing import OUTCOME, delivering
from notifications.webhooks.delivery import Attempt, Delivery, Endpoint
from notifications.webhooks.outcome import Answer, Outcome
from notifications.webhooks.signing import signed_headers

MAX_IN_FLIGHT: Final = 8
"""The number of streams of one endpoint that are sent at the same time."""
MAX_BATCH_SECONDS: Final = 15.0
"""No delivery begins later in a batch: so a slow receiver does not delay the record of a batch."""
MAX_FAILING_STREAMS: Final = 8
"""If this many streams fail without a success between them, the endpoint is at fault."""


class Posts(Protocol):
    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer: ...


@dataclass(slots=True)
class Sent:
    """What came of a batch: the attempts, and whether the endpoint as a whole is to wait."""

    attempts: list[Attempt] = field(default_factory=list)
    must_wait: bool = False
    is_gone: bool = False


class Sender:
    """Send the batches of one endpoint, and remember which streams have failed in a row."""

    def __init__(self, client: Posts, in_flight: asyncio.Semaphore) -> None:
        self._client = client
        self._in_flight = in_flight
        self._failing: set[str] = set()
        self._ends = 0.0

    async def send(self, endpoint: Endpoint, batch: Sequence[Delivery]) -> Sent:
        """Send until all are sent, their streams fail, or the endpoint does."""
        sent, lanes = Sent(), iter(_by_stream(batch).values())
        self._ends = monotonic() + MAX_BATCH_SECONDS
        workers = [self._work(endpoint, lanes, sent) for _ in range(MAX_IN_FLIGHT)]
        await asyncio.gather(*workers)
        return sent

    async def _work(
        self, endpoint: Endpoint, lanes: Iterator[Sequence[Delivery]], sent: Sent
    ) -> None:
        for lane in lanes:
            for delivery in lane:
                if monotonic() > self._ends or (sent.must_wait and not delivery.is_test):
                    return
                attempt = await self._attempt(endpoint, delivery)
                self._note(attempt, sent)
                if not attempt.is_delivered:
                    break

    async def _attempt(self, endpoint: Endpoint, delivery: Delivery) -> Attempt:
        async with self._in_flight:
            at, began = datetime.now(UTC), monotonic()
            headers = signed_headers(str(delivery.event_id), delivery.body, endpoint.keys)
            with delivering(delivery) as span:
                answer = await self._client.post(endpoint.url, headers, delivery.body)
                if span is not None:
                    status = {"http.response.status_code": answer.status}
                    span.attributes |= {OUTCOME: answer.outcome, **status}
            return Attempt(delivery, answer, at, timedelta(seconds=monotonic() - began))

    def _note(self, attempt: Attempt, sent: Sent) -> None:
        sent.attempts.append(attempt)
        if attempt.is_delivered:
            self._failing.clear()
        elif attempt.delivery.is_test:
            return
        else:
            self._failing.add(attempt.delivery.stream_id)
            sent.is_gone |= attempt.answer.outcome is Outcome.GONE
            sent.must_wait |= (
                attempt.answer.outcome is Outcome.GONE
                or attempt.answer.outcome.concerns_endpoint
                or len(self._failing) >= MAX_FAILING_STREAMS
            )


def _by_stream(batch: Sequence[Delivery]) -> dict[str, list[Delivery]]:
    lanes: defaultdict[str, list[Delivery]] = defaultdict(list)
    for delivery in batch:
        lanes[delivery.stream_id].append(delivery)
    return lanes
