"""Stripe's events: one for each change, with the object after the change."""

from __future__ import annotations

import json
import secrets
import time

import stripe

from providers.simulation.store import Document
from providers.simulation.webhooks import Sign, Webhooks


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"


def signer(secret: str) -> Sign:
    def sign(_: str, body: str) -> dict[str, str]:
        header = stripe.WebhookSignature.generate_signature_header(body, secret)
        return {"Stripe-Signature": header}

    return sign


def announce(webhooks: Webhooks, what: str, intent: Document) -> None:
    announce_object(webhooks, f"payment_intent.{what}", shown(intent))


def announce_object(webhooks: Webhooks, event_type: str, subject: Document) -> None:
    event_id = new_id("evt")
    event = {
        "id": event_id,
        "object": "event",
        "type": event_type,
        "created": int(time.time()),
        "livemode": False,
        "data": {"object": subject},
    }
    webhooks.tell(event_id, json.dumps(event))


def shown(intent: Document, *, with_charge: bool = False) -> Document:
    """Return the intent as Stripe shows it: the charge is an id unless expanded."""
    charge = intent["latest_charge"]
    return intent if with_charge or not charge else {**intent, "latest_charge": charge["id"]}
