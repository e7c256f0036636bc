"""Disputes of captured payments. Each public method is one effect.

A real dispute comes from a customer's bank. Here `POST /control/disputes` opens one, and
`POST /control/disputes/{id}` decides it.
"""

from __future__ import annotations

import time
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from providers.payment_simulator.events import announce_object, new_id
from providers.payment_simulator.intents import INTENT, Intents
from providers.simulation.refusal import Refusal
from providers.simulation.store import Document, Store
from providers.simulation.webhooks import Webhooks

DISPUTE = "dispute"
_KEPT = {"won", "warning_closed"}
"""The statuses in which the shop keeps the money."""
_CLOSED = {*_KEPT, "lost", "prevented"}

DisputeStatus = Literal[
    "warning_needs_response",
    "warning_under_review",
    "warning_closed",
    "needs_response",
    "under_review",
    "won",
    "lost",
    "prevented",
]


class NewDispute(BaseModel):
    """Dispute what was captured for the order, or `amount` of it."""

    model_config = ConfigDict(extra="forbid")

    order_id: str = Field(min_length=1)
    amount: int | None = Field(None, ge=1)
    reason: str = "fraudulent"
    status: DisputeStatus = "needs_response"


class DisputeChange(BaseModel):
    model_config = ConfigDict(extra="forbid")

    status: DisputeStatus


class Disputes:
    def __init__(self, store: Store, webhooks: Webhooks, intents: Intents) -> None:
        self._store = store
        self._webhooks = webhooks
        self._intents = intents

    def open(self, wanted: NewDispute) -> Document:
        intent = self._intents.captured(wanted.order_id)
        charge = intent["latest_charge"]
        dispute: Document = {
            "id": new_id("dp"),
            "object": DISPUTE,
            "amount": wanted.amount or charge["amount_captured"],
            "charge": charge["id"],
            "created": int(time.time()),
            "currency": intent["currency"],
            "livemode": False,
            "metadata": {},
            "payment_intent": intent["id"],
            "reason": wanted.reason,
        }
        self._save(dispute, wanted.status)
        announce_object(self._webhooks, "charge.dispute.created", dispute)
        return dispute

    def change(self, dispute_id: str, change: DisputeChange) -> Document:
        dispute = self._store.get(DISPUTE, dispute_id)
        if dispute is None:
            raise Refusal(404, "resource_missing", "No such dispute.", param="dispute")
        self._save(dispute, change.status)
        what = "closed" if change.status in _CLOSED else "updated"
        announce_object(self._webhooks, f"charge.dispute.{what}", dispute)
        return dispute

    def listed(self, reference: str | None, since: int) -> list[Document]:
        """Return the disputes of one intent, or of all, that were opened since this time."""
        if reference is not None:
            return self._store.owned(DISPUTE, reference)
        return [each for each in self._store.every(DISPUTE) if each["created"] >= since]

    def _save(self, dispute: Document, status: DisputeStatus) -> None:
        """Save it. Its charge takes no refund while one is open, and none after one is lost."""
        dispute["status"] = status
        intent = self._intents.load(dispute["payment_intent"])
        self._store.put(DISPUTE, intent["id"], dispute)
        statuses = {each["status"] for each in self._store.owned(DISPUTE, intent["id"])}
        intent["latest_charge"]["disputed"] = not statuses <= _KEPT
        order_id = str(intent["metadata"].get("order_id", ""))
        self._store.put(INTENT, order_id, intent)
        self._store.record(order_id, f"dispute_{status}", dispute["amount"])
