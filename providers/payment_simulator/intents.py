"""Payment intents, by Stripe's rules. Each public method is one effect of one request."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

from providers.payment_simulator.account import Account, check_digits
from providers.payment_simulator.events import announce, announce_object, new_id, shown
from providers.payment_simulator.form import Form
from providers.payment_simulator.methods import METHODS
from providers.simulation.refusal import Refusal
from providers.simulation.store import Answer, Document, Job, Store
from providers.simulation.webhooks import Webhooks

INTENT = "payment_intent"
REFUND = "refund"
REFUND_FAILS = "refund_fails"
HOLD_ENDS = "hold_ends"
_CONFIRMABLE = {"requires_payment_method", "requires_confirmation"}
_CANCELLABLE = {*_CONFIRMABLE, "requires_action", "requires_capture"}


class Intents:
    """`hold_seconds` is how long a hold lasts, unless its method has another time."""

    def __init__(
        self, store: Store, webhooks: Webhooks, base_url: str, hold_seconds: float
    ) -> None:
        self._store = store
        self._webhooks = webhooks
        self._base_url = base_url
        self.account = Account()
        self._hold_seconds = hold_seconds

    def create(self, form: Form) -> Answer:
        if form.get("capture_method") != "manual":
            raise Refusal(
                400,
                "parameter_invalid",
                "Only manual capture is simulated.",
                param="capture_method",
            )
        self.account.check_charge(form.positive("amount"), form.required("currency").upper())
        intent = _new_intent(form)
        self._save(intent)
        return _answer(intent, form)

    def confirm(self, reference: str, form: Form) -> Answer:
        intent = self.load(reference)
        name = form.required("payment_method")
        method = METHODS.get(name)
        if method is None:
            message = "No such payment method."
            raise Refusal(400, "resource_missing", message, kept=True, param="payment_method")
        _require(intent, _CONFIRMABLE, "confirmed")
        intent.update(payment_method=name, last_payment_error=None)
        if method.decline_code:
            return self._decline(intent, "card_declined", method.decline_code)
        if method.authenticate:
            self._challenge(intent, form.get("return_url"))
        else:
            self._hold(intent)
        return _answer(intent, form)

    def capture(self, reference: str, form: Form) -> Answer:
        intent = self.load(reference)
        _require(intent, {"requires_capture"}, "captured")
        held = intent["amount_capturable"]
        amount = form.positive("amount_to_capture") if "amount_to_capture" in form else held
        check_digits(amount, intent["currency"].upper(), "amount_to_capture")
        if amount > held:
            message = f"At most {held} is held."
            raise Refusal(400, "amount_too_large", message, kept=True, param="amount_to_capture")
        intent.update(status="succeeded", amount_capturable=0, amount_received=amount)
        intent["latest_charge"].update(captured=True, amount_captured=amount)
        self._changed(intent, "succeeded", "captured", amount)
        return _answer(intent, form)

    def cancel(self, reference: str, form: Form) -> Answer:
        intent = self.load(reference)
        _require(intent, _CANCELLABLE, "canceled")
        released = intent["amount_capturable"]
        intent.update(
            status="canceled",
            amount_capturable=0,
            canceled_at=int(time.time()),
            cancellation_reason=form.get("cancellation_reason"),
            next_action=None,
        )
        self._changed(intent, "canceled", "voided", released)
        return _answer(intent, form)

    def refund(self, form: Form) -> Answer:
        intent = self.load(form.required("payment_intent"), param="payment_intent")
        _require(intent, {"succeeded"}, "refunded")
        charge = intent["latest_charge"]
        if charge["disputed"]:
            raise Refusal(400, "charge_disputed", "The charge is disputed.", kept=True)
        left = charge["amount_captured"] - charge["amount_refunded"]
        amount = form.positive("amount") if "amount" in form else left
        if left == 0:
            raise Refusal(400, "charge_already_refunded", "All of it has been refunded.", kept=True)
        check_digits(amount, intent["currency"].upper())
        if amount > left:
            message = f"At most {left} is left."
            raise Refusal(400, "amount_too_large", message, kept=True, param="amount")
        charge["amount_refunded"] += amount
        charge["refunded"] = amount == left
        self._save(intent)
        self._store.record(_order_id(intent), "refunded", amount)
        refund = _new_refund(intent, amount, form.group("metadata"))
        self._store.put(REFUND, intent["id"], refund)
        announce_object(self._webhooks, "refund.created", refund)
        announce_object(self._webhooks, "charge.refunded", charge)
        method = METHODS.get(intent["payment_method"])
        if method and method.refund_fails_once and self._store.first_time(f"refund/{intent['id']}"):
            self._store.add_job(REFUND_FAILS, refund["id"], "")
        return Answer(200, json.dumps(refund))

    async def fail_refund(self, job: Job) -> bool:
        """Fail a refund at the customer's bank, after it had succeeded."""
        refund = self._store.get(REFUND, job.subject)
        if refund is not None and refund["status"] != "failed":
            with self._store.transaction():
                self._fail(refund)
        return True

    def fail_refunds(self, order_id: str) -> int:
        """Fail every refund of the order that stands; return their number."""
        standing = [
            refund
            for intent in self._store.owned(INTENT, order_id)
            for refund in self._store.owned(REFUND, intent["id"])
            if refund["status"] != "failed"
        ]
        for refund in standing:
            self._fail(refund)
        return len(standing)

    def _fail(self, refund: Document) -> None:
        intent = self.load(refund["payment_intent"])
        charge = intent["latest_charge"]
        charge["amount_refunded"] -= refund["amount"]
        charge["refunded"] = False
        refund.update(status="failed", failure_reason="expired_or_canceled_card")
        self._save(intent)
        self._store.put(REFUND, intent["id"], refund)
        self._store.record(_order_id(intent), "refund_failed", refund["amount"])
        announce_object(self._webhooks, "refund.failed", refund)
        announce_object(self._webhooks, "charge.refund.updated", refund)

    def end_holds(self, order_id: str, seconds: float) -> None:
        """Have the present hold of the order end after this time."""
        for intent in self._store.owned(INTENT, order_id):
            if intent["status"] == "requires_capture":
                self._limit_hold(intent, seconds)
                self._save(intent)

    async def end_hold(self, job: Job) -> bool:
        """Release a hold whose time is over: the provider cancels the intent by itself."""
        with self._store.transaction():
            intent = self.load(job.subject)
            if intent["status"] == "requires_capture" and time.time() >= intent["hold_ends_at"]:
                held, charge = intent["amount_capturable"], intent["latest_charge"]
                intent.update(
                    status="canceled",
                    amount_capturable=0,
                    canceled_at=int(time.time()),
                    cancellation_reason="automatic",
                )
                charge.update(amount_refunded=held, refunded=True)
                self._changed(intent, "canceled", "expired", held)
                announce_object(self._webhooks, "charge.expired", charge)
        return True

    def authenticate(self, reference: str, *, approved: bool) -> None:
        """Apply the decision of the customer's bank, as made on its page."""
        intent = self.load(reference)
        _require(intent, {"requires_action"}, "authenticated")
        intent["next_action"] = None
        if approved:
            self._hold(intent)
        else:
            self._decline(intent, "payment_intent_authentication_failure", None)

    def load(self, reference: str, param: str = "intent") -> Document:
        intent = self._store.get(INTENT, reference)
        if intent is None:
            raise Refusal(404, "resource_missing", "No such payment_intent.", param=param)
        return intent

    def labelled(self, metadata: Mapping[str, str]) -> list[Document]:
        """Return the intents with all of this metadata, the order's id among it, newest first."""
        of_order = self._store.owned(INTENT, metadata.get("order_id", ""))
        return [i for i in reversed(of_order) if metadata.items() <= i["metadata"].items()]

    def captured(self, order_id: str) -> Document:
        """Return the captured intent of the order."""
        for intent in self._store.owned(INTENT, order_id):
            if intent["status"] == "succeeded":
                return intent
        raise Refusal(404, "resource_missing", "The order has no captured payment.")

    def order_of(self, reference: str) -> str:
        """Return the order of an intent; empty where there is none."""
        intent = self._store.get(INTENT, reference)
        return _order_id(intent) if intent else ""

    def _hold(self, intent: Document) -> None:
        amount = intent["amount"]
        intent.update(status="requires_capture", amount_capturable=amount)
        intent["latest_charge"] = _new_charge(intent)
        method = METHODS[intent["payment_method"]]
        self._limit_hold(intent, method.hold_seconds or self._hold_seconds)
        self._changed(intent, "amount_capturable_updated", "authorized", amount)

    def _limit_hold(self, intent: Document, seconds: float) -> None:
        ends_at = time.time() + seconds
        intent["hold_ends_at"] = ends_at
        card = intent["latest_charge"]["payment_method_details"]["card"]
        # In whole seconds, and never later than the end.
        card["capture_before"] = int(ends_at)
        self._store.add_job(HOLD_ENDS, intent["id"], "", seconds)

    def _challenge(self, intent: Document, return_url: str | None) -> None:
        """Ask for authentication. Without a return address, only Stripe's own script could
        continue."""
        url = f"{self._base_url}/authenticate/{intent['id']}"
        kind = "redirect_to_url" if return_url else "use_stripe_sdk"
        facts = {"url": url, "return_url": return_url} if return_url else {}
        intent.update(status="requires_action", next_action={"type": kind, kind: facts})
        self._save(intent)
        announce(self._webhooks, "requires_action", intent)

    def _decline(self, intent: Document, code: str, decline_code: str | None) -> Answer:
        error = {
            "type": "card_error",
            "code": code,
            "decline_code": decline_code,
            "message": "The payment was declined; try another payment method.",
        }
        intent.update(
            status="requires_payment_method", payment_method=None, last_payment_error=error
        )
        self._save(intent)
        announce(self._webhooks, "payment_failed", intent)
        return Answer(402, json.dumps({"error": {**error, "payment_intent": shown(intent)}}))

    def _changed(self, intent: Document, event: str, effect: str, amount: int) -> None:
        self._save(intent)
        self._store.record(_order_id(intent), effect, amount)
        announce(self._webhooks, event, intent)

    def _save(self, intent: Document) -> None:
        self._store.put(INTENT, _order_id(intent), intent)


def _require(intent: Document, statuses: set[str], done: str) -> None:
    if intent["status"] not in statuses:
        raise Refusal(
            400,
            "payment_intent_unexpected_state",
            f"A PaymentIntent that is {intent['status']} can not be {done}.",
            kept=True,
        )


def _answer(intent: Document, form: Form) -> Answer:
    return Answer(200, json.dumps(shown(intent, with_charge=form.expands("latest_charge"))))


def _order_id(intent: Document) -> str:
    return str(intent["metadata"].get("order_id", ""))


def _new_intent(form: Form) -> Document:
    return {
        "id": new_id("pi"),
        "object": INTENT,
        "amount": form.positive("amount"),
        "amount_capturable": 0,
        "amount_received": 0,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "manual",
        "created": int(time.time()),
        "currency": form.required("currency").lower(),
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": form.group("metadata"),
        "next_action": None,
        "payment_method": None,
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
    }


def _new_charge(intent: Document) -> Document:
    return {
        "id": new_id("ch"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "captured": False,
        "disputed": False,
        "currency": intent["currency"],
        "metadata": intent["metadata"],
        "paid": True,
        "payment_intent": intent["id"],
        "payment_method_details": {"type": "card", "card": {}},
        "refunded": False,
        "status": "succeeded",
    }


def _new_refund(intent: Document, amount: int, metadata: dict[str, str]) -> Document:
    return {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "charge": intent["latest_charge"]["id"],
        "created": int(time.time()),
        "currency": intent["currency"],
        "metadata": metadata,
        "payment_intent": intent["id"],
        "status": "succeeded",
    }
