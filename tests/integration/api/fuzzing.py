"""Requests of every shape, sound and unsound, as hypothesis strategies."""

from __future__ import annotations

import json
import re

from hypothesis import strategies as st

INTERNAL = re.compile(r'"code": ?"INTERNAL"')
"""In an answer to what no client may cause. A text that was sent may come back in a message."""

ROUTES = ["/graphql", "/webhooks/payments", "/webhooks/shipping", "/codec/decode", "/codec/encode"]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)
QUERIES = st.text(max_size=40) | st.sampled_from(
    [
        "{ __typename }",
        "query($id: ID!) { order(id: $id) { id } }",
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
INPUTS = st.fixed_dictionaries(
    {"idempotencyKey": VALUES},
    optional={
        "lines": VALUES | LINES,
        "paymentMethod": VALUES,
        "orderId": VALUES,
        "shippingAddress": st.fixed_dictionaries(
            dict.fromkeys(("name", "street", "city", "postalCode", "country"), VALUES)
        ),
        "expectedTotal": st.fixed_dictionaries({"amount": VALUES, "currency": VALUES}),
        "backorder": VALUES,
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
HEADER_TEXTS = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60)
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
TARGETS = st.sampled_from([*ROUTES, "/healthz", "/readyz", "/", "/nowhere", "/graphql/"]) | (
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30).map(
        lambda text: "/graphql?" + text.replace("#", "")
    )
)
FRAMES = JSON | st.fixed_dictionaries(
    {"type": st.sampled_from(["subscribe", "complete", "ping", "connection_init"]) | VALUES},
    optional={"id": st.sampled_from(["1", "2"]) | VALUES, "payload": REQUESTS | JSON},
)
