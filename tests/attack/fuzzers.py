"""Fuzzers: each sends the requests of its generator, until the time is over.

Each has its own address, and rotates through several operators. Otherwise a rate limit would answer
most of its cases, and not the route.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from itertools import islice
from typing import Any, Final, TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import StopTest

from tests.attack.report import Side
from tests.attack.sending import SOCKET_ROUTE, client, exchange, send
from tests.attack.target import Target
from tests.integration.api.fuzzing import (
    FRAMES,
    PAYMENT_EVENTS,
    SHAPES,
    SHIPMENT_EVENTS,
    Sent,
    sent_to,
)
from tests.integration.api.generated import graphql_requests, openapi_requests
from tests.integration.api.signing import signed_payment, signed_shipment
from tests.support.routes import Route, description_of
from tests.unit.api.documents import slow_documents

DRAWN_AT_ONCE: Final = 20
SOCKETS_AT_ONCE: Final = 8
EXCHANGES_OF_A_FRAME: Final = 8
SUBSCRIBES: Final = slow_documents.map(
    lambda text: {"type": "subscribe", "id": "1", "payload": {"query": text}}
)
MESSAGES: Final = FRAMES | SUBSCRIBES
EVENTS: Final = st.tuples(PAYMENT_EVENTS, SHIPMENT_EVENTS)

T = TypeVar("T")


@cache
def _described(routes: tuple[Route, ...]) -> st.SearchStrategy[tuple[Sent, ...]]:
    return st.tuples(*openapi_requests(description_of(routes)).values())


@cache
def _operations() -> st.SearchStrategy[Sent]:
    return graphql_requests()


_DRAWN_BY: Final[dict[str, Callable[[Target], st.SearchStrategy[Any]]]] = {
    "requests": lambda _: SHAPES,
    "descriptions": lambda target: _described(target.routes),
    "operations": lambda _: _operations(),
    "documents": lambda _: slow_documents,
    "notifications": lambda _: EVENTS,
    "frames": lambda _: MESSAGES,
}


def prepare(attack: str, target: Target) -> None:
    """Draw once from the strategies of this attack: the first time takes long."""
    if attack in _DRAWN_BY:
        next(_drawn(_DRAWN_BY[attack](target), target, Side(attack)))


async def requests(target: Target, side: Side) -> None:
    """Send requests of every shape, each to every route."""
    paths = [*target.paths, "/nowhere"]
    drawn = _drawn(SHAPES, target, side, owed=target.paths)
    rounds = ([sent_to(path, shape) for path in paths] for shape in drawn)
    await _send_all(target, side, "127.0.0.3", rounds)


async def descriptions(target: Target, side: Side) -> None:
    """Send the requests that schemathesis makes from each route's description."""
    await _send_all(target, side, "127.0.0.4", _drawn(_described(target.routes), target, side))


async def operations(target: Target, side: Side) -> None:
    """Send the requests that schemathesis makes from the GraphQL schema."""
    rounds = ([sent] for sent in _drawn(_operations(), target, side))
    await _send_all(target, side, "127.0.0.5", rounds)


async def documents(target: Target, side: Side) -> None:
    """Send documents that cost more to refuse than to send."""
    bodies = (json.dumps({"query": text}).encode() for text in _drawn(slow_documents, target, side))
    rounds = ([Sent("POST", "/graphql", body)] for body in bodies)
    await _send_all(target, side, "127.0.0.6", rounds)


async def notifications(target: Target, side: Side) -> None:
    """Send notifications with a valid signature and any content."""
    rounds = (_signed(target, *event) for event in _drawn(EVENTS, target, side))
    await _send_all(target, side, "127.0.0.7", rounds)


async def frames(target: Target, side: Side) -> None:
    """Send messages of every shape over sockets, some before their client has signed in."""
    drawn = _exchanges(target, side)
    while sent := list(islice(drawn, SOCKETS_AT_ONCE)):
        await asyncio.gather(
            *(
                exchange(target, side, one, "127.0.0.8", number if number % 4 else None)
                for number, one in enumerate(sent)
            )
        )


def _exchanges(target: Target, side: Side) -> Iterator[list[object]]:
    """Yield frames in new orders: drawing a frame takes longer than sending it."""
    recent: deque[object] = deque(maxlen=500)
    for frame in _drawn(MESSAGES, target, side, owed=[SOCKET_ROUTE]):
        recent.append(frame)
        for _ in range(EXCHANGES_OF_A_FRAME):
            yield [frame, *random.choices(recent, k=random.randint(0, 5))]  # noqa: S311


def _signed(target: Target, payment: object, shipment: object) -> Sequence[Sent]:
    paid, sent = (json.dumps(event).encode() for event in (payment, shipment))
    return (
        Sent("POST", "/webhooks/payments", paid, signed_payment(paid, target.payment_secret)),
        Sent("POST", "/webhooks/shipping", sent, signed_shipment(sent, target.carrier_secret)),
    )


async def _send_all(
    target: Target, side: Side, address: str, rounds: Iterator[Sequence[Sent]]
) -> None:
    """Send the requests of a round at once, and one round after the other."""
    async with client(target, address) as http:
        for sent, ours in zip(rounds, target.everyones_headers(), strict=False):
            await asyncio.gather(*(send(http, side, one, ours, is_case=True) for one in sent))


def _drawn(
    strategy: st.SearchStrategy[T], target: Target, side: Side, owed: Sequence[str] = ()
) -> Iterator[T]:
    """Yield examples until the time is over and the owed routes have their cases."""
    examples: list[T] = []

    @given(strategy)
    @settings(
        max_examples=DRAWN_AT_ONCE,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def draw(example: T) -> None:
        examples.append(example)

    while True:
        examples.clear()
        with suppress(StopTest):
            draw()
        for example in examples:
            if target.is_over_for(side.cases, owed):
                return
            yield example
