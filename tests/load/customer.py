"""Do what a customer of the shop does: browse, place, follow, and sometimes cancel or return."""

from __future__ import annotations

import json
import uuid
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from time import perf_counter
from typing import Any, Final

import websocket
from locust import FastHttpUser

from cli.documents import document
from providers.carrier_simulator.routes import NEVER_DISPATCHED, NORMAL
from providers.payment_simulator.methods import VISA
from tests.load.plan import Plan
from tests.load.steps import CONFIRMED, PLACED
from tests.load.times import Times

FOLLOW_TIMEOUT_SECONDS: Final = 60.0
PROTOCOL: Final = "graphql-transport-ws"
AFTER_CONFIRMED: Final = frozenset({"CONFIRMED", "SHIPPED", "DELIVERED", "COMPLETED"})
ENDED_BADLY: Final = frozenset({"REJECTED", "CANCELLED"})

Json = dict[str, Any]


class Failed(Exception):
    """The API has refused the request, or has failed."""


class Customer:
    """One in ten cancels, one in ten returns the order, and one in five looks at earlier orders."""

    def __init__(self, user: FastHttpUser, plan: Plan, times: Times, number: int) -> None:
        self._user = user
        self._times = times
        self._url = plan.url
        self._headers = {"Authorization": f"Bearer {plan.tokens[number % len(plan.tokens)]}"}
        self._sku = plan.skus[number % len(plan.skus)]
        self._cancels, self._returns = number % 10 == 3, number % 10 == 7
        self._looks_back = number % 5 == 0

    def shop(self) -> None:
        """Shop until the end, or until a request fails: locust has noted the failure then."""
        with suppress(Failed):
            self._ask("Products", first=20)
            self._ask("Product", sku=self._sku)
            began = perf_counter()
            with self._times.waiting(PLACED):
                order_id = self._place()
            with closing(self._statuses(order_id)) as statuses:
                with self._times.waiting(CONFIRMED):
                    self._note_confirmation(began, statuses)
                self._decide(order_id, statuses)
            if self._looks_back:
                self._ask("Orders", first=10)

    def _decide(self, order_id: str, statuses: Iterator[str]) -> None:
        if self._cancels:
            self._change("CancelOrder", orderId=order_id)
        if self._returns and "DELIVERED" in statuses:
            self._change("RequestReturn", orderId=order_id)

    def _place(self) -> str:
        placed = self._change(
            PLACED,
            lines=[{"sku": self._sku, "quantity": 1}],
            paymentMethod=VISA,
            shippingAddress={
                "name": "Ada Lovelace",
                "street": "Invalidenstraße 1",
                "city": "Berlin",
                # The carrier could be faster than a cancellation.
                "postalCode": NEVER_DISPATCHED if self._cancels else NORMAL,
                "country": "DE",
            },
        )
        return str(placed["order"]["id"])

    def _note_confirmation(self, began: float, statuses: Iterator[str]) -> None:
        fault: Exception | None = None
        try:
            status = next((s for s in statuses if s in AFTER_CONFIRMED | ENDED_BADLY), "unknown")
            if status not in AFTER_CONFIRMED:
                fault = Failed(status)
        except (OSError, websocket.WebSocketException) as error:
            fault = error
        self._user.environment.events.request.fire(
            request_type="WS",
            name=CONFIRMED,
            response_time=(perf_counter() - began) * 1_000,
            response_length=0,
            exception=fault,
            context={"times": self._times},
        )
        if fault:
            raise Failed from fault

    def _statuses(self, order_id: str) -> Generator[str, None, None]:
        """Yield the order's status, and again after each change."""
        socket = websocket.create_connection(
            f"ws{self._url.removeprefix('http')}/graphql",
            subprotocols=[PROTOCOL],
            header=self._headers,
            timeout=FOLLOW_TIMEOUT_SECONDS,
        )
        with closing(socket):
            payload = {"query": document("OrderUpdates"), "variables": {"orderId": order_id}}
            socket.send(json.dumps({"type": "connection_init"}))
            socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
            while (message := json.loads(socket.recv()))["type"] != "complete":
                if message["type"] == "ping":
                    socket.send(json.dumps({"type": "pong"}))
                if message["type"] == "next":
                    update = message["payload"]["data"]["orderUpdates"]
                    if "order" in update:  # it is Lagged otherwise
                        yield update["order"]["status"]

    def _change(self, operation: str, **values: object) -> Json:
        return self._ask(operation, input={"idempotencyKey": uuid.uuid4().hex, **values})

    def _ask(self, operation: str, **variables: object) -> Json:
        """Return the only field of the answer. Raises Failed, and lets locust note the failure."""
        with self._user.client.post(
            "/graphql",
            name=operation,
            json={"query": document(operation), "variables": variables},
            headers=self._headers,
            catch_response=True,
            context={"times": self._times},
        ) as response:
            field, fault = _answer(response.text)
            if fault:
                response.failure(fault)
        if fault:
            raise Failed(fault)
        return field


def _answer(text: str | None) -> tuple[Json, str | None]:
    """Return the only field of the answer, and the code of the first error."""
    try:
        answer = json.loads(text or "")
    except json.JSONDecodeError:
        return {}, "no JSON"
    for error in answer.get("errors") or ():
        return {}, error.get("extensions", {}).get("code") or error["message"]
    (field,) = answer["data"].values()
    for error in field.get("userErrors", ()):
        return {}, error["code"]
    return field, None
