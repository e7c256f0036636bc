"""Stripe's list of refunds, and refunds that a person makes in the dashboard."""

from __future__ import annotations

import json
from typing import Final

from providers.payment_simulator.form import Form
from providers.payment_simulator.intents import REFUND, Intents
from providers.simulation.refusal import Refusal
from providers.simulation.store import Answer, Store

_LIMIT: Final = 10
"""Stripe's default for a page of a list."""
MAX_LIMIT: Final = 100


def listed_refunds(store: Store, payment_intent: str, form: Form) -> Answer:
    """Return one page of the refunds of an intent, newest first."""
    limit = form.positive("limit") if "limit" in form else _LIMIT
    if limit > MAX_LIMIT:
        raise Refusal(400, "parameter_invalid_integer", "At most 100.", param="limit")
    refunds = list(reversed(store.owned(REFUND, payment_intent)))
    if after := form.get("starting_after"):
        ids = [refund["id"] for refund in refunds]
        if after not in ids:
            raise Refusal(404, "resource_missing", "No such refund.", param="starting_after")
        refunds = refunds[ids.index(after) + 1 :]
    page = {"object": "list", "url": "/v1/refunds", "has_more": len(refunds) > limit}
    return Answer(200, json.dumps({**page, "data": refunds[:limit]}))


def refund_by_hand(intents: Intents, form: Form) -> Answer:
    """Refund without metadata: the dashboard knows none of the labels that programs set."""
    by_hand = {name: value for name, value in form.items() if not name.startswith("metadata")}
    return intents.refund(Form(by_hand))
