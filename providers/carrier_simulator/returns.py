"""Returns, one for each reference. Each public method is one effect."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime

from providers.carrier import CarrierShipmentStatus, ReturnStatus
from providers.carrier_simulator.requests import NewReturn
from providers.carrier_simulator.routes import route_to
from providers.carrier_simulator.shipments import SHIPMENT
from providers.references import order_of
from providers.simulation.refusal import Refusal
from providers.simulation.store import Answer, Document, Job, Store
from providers.simulation.webhooks import Webhooks

RETURN = "return"
BRING_BACK = "bring_back"


class Returns:
    """Bring goods back `after` this many seconds."""

    def __init__(self, store: Store, webhooks: Webhooks, after: float) -> None:
        self._store = store
        self._webhooks = webhooks
        self._after = after

    def create(self, wanted: NewReturn) -> Answer:
        """Return a new return, or the existing one of the reference."""
        if held := self._store.owned(RETURN, wanted.reference):
            return _answer(held[0], 200)
        shipment = self._delivered(wanted.reference)
        fetched: Document = {
            "id": f"ret_{secrets.token_hex(12)}",
            "reference": wanted.reference,
            "units": wanted.units,
        }
        self._save(fetched, ReturnStatus.REQUESTED, "return_requested")
        if route_to(shipment["postal_code"]).brings_back:
            self._store.add_job(BRING_BACK, fetched["id"], "", self._after)
        return _answer(fetched, 201)

    async def bring_back(self, job: Job) -> bool:
        with self._store.transaction():
            fetched = self.load(job.subject)
            if fetched["status"] == ReturnStatus.REQUESTED:
                self._save(fetched, ReturnStatus.RETURNED, "returned")
                self._announce(fetched)
        return True

    def report_back(self, reference: str) -> Document:
        """Bring the goods of the order's return back now."""
        for fetched in self._store.owned(RETURN, reference):
            self._save(fetched, ReturnStatus.RETURNED, "returned")
            self._announce(fetched)
            return shown_return(fetched)
        raise Refusal(404, "not_found", "No such return.")

    def load(self, return_id: str) -> Document:
        fetched = self._store.get(RETURN, return_id)
        if fetched is None:
            raise Refusal(404, "not_found", "No such return.")
        return fetched

    def order_of(self, return_id: str) -> str:
        """Return the order of a return; empty for an unknown return."""
        fetched = self._store.get(RETURN, return_id)
        return order_of(fetched["reference"]) if fetched else ""

    def _delivered(self, reference: str) -> Document:
        for shipment in self._store.owned(SHIPMENT, reference):
            if shipment["status"] == CarrierShipmentStatus.DELIVERED:
                return shipment
        raise Refusal(409, "not_delivered", "Only a delivered shipment can be returned.")

    def _save(self, fetched: Document, status: ReturnStatus, effect: str) -> None:
        fetched["status"] = status
        self._store.put(RETURN, fetched["reference"], fetched)
        self._store.record(order_of(fetched["reference"]), effect, fetched["units"])

    def _announce(self, fetched: Document) -> None:
        event = {
            "type": f"return.{fetched['status']}",
            "timestamp": datetime.now(UTC).isoformat(),
            "data": shown_return(fetched),
        }
        self._webhooks.tell(f"msg_{secrets.token_hex(12)}", json.dumps(event))


def shown_return(fetched: Document) -> Document:
    return {name: fetched[name] for name in ("id", "reference", "status")}


def _answer(fetched: Document, status: int) -> Answer:
    return Answer(status, json.dumps(shown_return(fetched)))
