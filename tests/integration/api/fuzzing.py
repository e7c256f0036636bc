"""Generate requests of every shape, valid and invalid, as hypothesis strategies."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from hypothesis import strategies as st

INTERNAL = re.compile(r'"code": ?"INTERNAL"')
"""The code of an error that no client may cause. A text that was sent may appear in a message."""
SEND_AGAIN = re.compile(r"does not confirm this notification yet|this webhook is being handled")
"""The reasons for which a webhook is answered 503, so that its provider sends it again."""

ROUTES = ["/graphql", "/webhooks/payments", "/webhooks/shipping", "/codec/decode", "/codec/encode"]


@dataclass(frozen=True)
class Sent:
    """One request."""

    method: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def route(self) -> str:
        return self.path.partition("?")[0]

    def headers_after(self, ours: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
        """Return these headers, in bytes, and the default headers that they do not replace."""
        both = {**ours, **{name.lower(): value for name, value in self.headers.items()}}
        return [(name.encode(), value.encode("latin-1")) for name, value in both.items()]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.body[:200]!r}"


def is_server_error(sent: Sent, status: int, text: str) -> bool:
    """Return whether this answer shows a fault of the service."""
    if status == 503 and sent.route.startswith("/webhooks/"):
        return SEND_AGAIN.search(text) is None
    return status >= 500 or INTERNAL.search(text) is not None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)
QUERIES = st.text(max_size=40) | st.sampled_from(
    [
        "{ __typename }",
        "query($id: ID!) { order(id: $id) { id } }",
        "query($id: ID, $number: String) { order(id: $id, number: $number) { number } }",
        "query($filter: OrderFilter) { orders(filter: $filter) { edges { cursor } } }",
        "query($filter: OrderFilter) { orders(filter: $filter) { totalCount } }",
        "query($sku: ID!) { product(sku: $sku) { sku } }",
        "query($first: Int, $after: String) { orders(first: $first, after: $after) { edges } }",
        "query($id: ID!, $after: Position) { saga(orderId: $id) { orderId } }",
        "mutation($input: PlaceOrderInput!) { placeOrder(input: $input) { position } }",
        "mutation($input: CancelOrderInput!) { cancelOrder(input: $input) { position } }",
        "subscription($id: ID!) { orderUpdates(orderId: $id) { __typename } }",
        "subscription($after: Position) { orderUpdates(orderId: 1, after: $after) { __typename } }",
    ]
)
TEXTS = st.text(max_size=30) | st.sampled_from(["\0", "order-1", "W-1", "9" * 400, "\ud7ff"])
VALUES = st.none() | st.booleans() | st.integers() | TEXTS | JSON
LINES = st.lists(st.fixed_dictionaries({"sku": VALUES, "quantity": VALUES}), max_size=3)
ENTRY = st.fixed_dictionaries({"key": VALUES, "value": VALUES})
ENTRIES = st.lists(ENTRY, max_size=3)
INPUTS = st.fixed_dictionaries(
    {"idempotencyKey": VALUES},
    optional={
        "lines": VALUES | LINES,
        "paymentMethod": VALUES,
        "orderId": VALUES,
        "shippingAddress": st.fixed_dictionaries(
            dict.fromkeys(("name", "street", "city", "country"), VALUES),
            optional=dict.fromkeys(("postalCode", "line2", "region", "company", "phone"), VALUES),
        ),
        "contact": VALUES
        | st.fixed_dictionaries(
            {}, optional=dict.fromkeys(("email", "phone", "locale", "timeZone"), VALUES)
        ),
        "expectedTotal": st.fixed_dictionaries({"amount": VALUES, "currency": VALUES}),
        "backorder": VALUES,
        "reference": VALUES,
        "metadata": VALUES | ENTRIES,
        "text": VALUES,
    },
)
VARIABLES = st.fixed_dictionaries(
    {},
    optional={
        "id": VALUES,
        "sku": VALUES,
        "first": VALUES,
        "after": VALUES,
        "input": VALUES | INPUTS,
        "number": VALUES,
        "filter": st.fixed_dictionaries({}, optional={"reference": VALUES, "metadata": ENTRY}),
    },
)
REQUESTS = st.fixed_dictionaries(
    {"query": QUERIES | VALUES},
    optional={"variables": VARIABLES | JSON, "operationName": VALUES, "extensions": JSON},
)
BODIES = (
    st.binary(max_size=200)
    | JSON.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass"))
    | REQUESTS.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass"))
)
HEADER_TEXTS = st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=60).map(
    lambda text: text.translate(dict.fromkeys(range(127, 161))).strip()
)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            *("authorization", "accept", "content-type", "traceparent", "origin", "x-namespace"),
            *("stripe-signature", "webhook-id", "webhook-timestamp", "webhook-signature"),
            "x-forwarded-for",
        ]
    ),
    HEADER_TEXTS,
    max_size=4,
)
METHODS = st.sampled_from(
    ["POST", "POST", "POST", "GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "NONE"]
)
SUFFIXES = st.sampled_from(["", "", "", "/", "//", "/..", "/%00", "%2f"]) | (
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30).map(
        lambda text: "?" + text.replace("#", "")
    )
)
"""The text after the path of a route."""
SHAPES = st.tuples(METHODS, SUFFIXES, BODIES, HEADERS)


def sent_to(path: str, shape: tuple[str, str, bytes, Mapping[str, str]]) -> Sent:
    method, suffix, body, headers = shape
    return Sent(method, path + suffix, body, headers)


PAYMENT_EVENTS = st.fixed_dictionaries(
    {
        "id": TEXTS | VALUES,
        "type": TEXTS | VALUES,
        "data": st.fixed_dictionaries(
            {
                "object": st.fixed_dictionaries(
                    {
                        "object": st.just("payment_intent") | VALUES,
                        "metadata": VALUES
                        | st.fixed_dictionaries(
                            {
                                "order_id": TEXTS | VALUES,
                                "attempt": st.integers().map(str) | VALUES,
                            }
                        ),
                    }
                )
            }
        ),
    }
)
STATUSES = st.sampled_from(["dispatched", "delivered", "lost", "cancelled", "returned", "created"])
SHIPMENT_EVENTS = st.fixed_dictionaries(
    {"data": st.fixed_dictionaries({"reference": TEXTS | VALUES, "status": STATUSES | VALUES})}
)
FRAMES = JSON | st.fixed_dictionaries(
    {"type": st.sampled_from(["subscribe", "complete", "ping", "connection_init"]) | VALUES},
    optional={"id": st.sampled_from(["1", "2"]) | VALUES, "payload": REQUESTS | JSON},
)
