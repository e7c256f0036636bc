"""Shipments, one for each reference. Each public method is one effect."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from providers.carrier import CarrierShipmentStatus
from providers.carrier_simulator.requests import NewShipment
from providers.carrier_simulator.routes import Route, route_to
from providers.references import number_of, order_of
from providers.simulation.refusal import Refusal
from providers.simulation.store import Answer, Document, Job, Store
from providers.simulation.webhooks import Webhooks

SHIPMENT = "shipment"
DISPATCH = "dispatch"
DELIVER = "deliver"
CARRIER: Final = "Waybill Parcels"
SHOWN: Final = ("id", "reference", "status", "tracking_number", "carrier", "tracking_url")


@dataclass(frozen=True, slots=True)
class Pace:
    """The seconds from creation to dispatch, and from there to delivery."""

    dispatch_after: float
    deliver_after: float


class Shipments:
    def __init__(self, store: Store, webhooks: Webhooks, pace: Pace) -> None:
        self._store = store
        self._webhooks = webhooks
        self._pace = pace

    def create(self, wanted: NewShipment) -> Answer:
        """Return a new shipment, or the existing one of the reference."""
        if held := self._store.owned(SHIPMENT, wanted.reference):
            return _answer(held[0], 200)
        if wanted.status == "cancelled":
            return self._open(wanted, CarrierShipmentStatus.CANCELLED)
        route = route_to(wanted.postal_code)
        if not route.deliverable:
            raise Refusal(422, "address_undeliverable", "We do not deliver there.", kept=True)
        answer = self._open(wanted, CarrierShipmentStatus.CREATED)
        if route.dispatches and number_of(wanted.reference) >= route.first_to_leave:
            self._plan(DISPATCH, json.loads(answer.body)["id"], self._pace.dispatch_after)
        return answer

    def cancel(self, shipment_id: str) -> Answer:
        shipment = self.load(shipment_id)
        if shipment["status"] == CarrierShipmentStatus.CREATED:
            self._move(shipment, CarrierShipmentStatus.CANCELLED)
        if shipment["status"] != CarrierShipmentStatus.CANCELLED:
            raise Refusal(409, "already_dispatched", "It has left; ask for a return.", kept=True)
        return _answer(shipment, 200)

    async def dispatch(self, job: Job) -> bool:
        with self._store.transaction():
            shipment = self.load(job.subject)
            if shipment["status"] == CarrierShipmentStatus.CREATED:
                self._let_leave(shipment, route_to(shipment["postal_code"]))
        return True

    async def deliver(self, job: Job) -> bool:
        with self._store.transaction():
            shipment = self.load(job.subject)
            if shipment["status"] == CarrierShipmentStatus.DISPATCHED:
                self._move(shipment, _end(route_to(shipment["postal_code"])))
        return True

    def report(self, reference: str, status: CarrierShipmentStatus) -> Document:
        """Move the parcel of an order to any status, as carriers do: found after it was lost."""
        for shipment in self._store.owned(SHIPMENT, reference):
            self._move(shipment, status)
            return shown(shipment)
        raise Refusal(404, "not_found", "No such shipment.")

    def load(self, shipment_id: str) -> Document:
        shipment = self._store.get(SHIPMENT, shipment_id)
        if shipment is None:
            raise Refusal(404, "not_found", "No such shipment.")
        return shipment

    def order_of(self, shipment_id: str) -> str:
        """Return the order of a shipment; empty for an unknown shipment."""
        shipment = self._store.get(SHIPMENT, shipment_id)
        return order_of(shipment["reference"]) if shipment else ""

    def _let_leave(self, shipment: Document, route: Route) -> None:
        if route.cancels:
            self._move(shipment, CarrierShipmentStatus.CANCELLED)
            return
        self._move(shipment, CarrierShipmentStatus.DISPATCHED)
        if route.delivers:
            self._plan(DELIVER, shipment["id"], self._pace.deliver_after)

    def _open(self, wanted: NewShipment, status: CarrierShipmentStatus) -> Answer:
        shipment: Document = {
            "id": f"shp_{secrets.token_hex(12)}",
            "reference": wanted.reference,
            "tracking_number": None,
            "carrier": None,
            "tracking_url": None,
            "units": wanted.units,
            "postal_code": wanted.postal_code,
        }
        self._save(shipment, status)
        return _answer(shipment, 201)

    def _move(self, shipment: Document, status: CarrierShipmentStatus) -> None:
        self._save(shipment, status)
        self._announce(shipment)

    def _save(self, shipment: Document, status: CarrierShipmentStatus) -> None:
        shipment["status"] = status
        if status in route_to(shipment["postal_code"]).numbers_when:
            shipment.update(_tracking())
        self._store.put(SHIPMENT, shipment["reference"], shipment)
        self._store.record(order_of(shipment["reference"]), status, shipment["units"])

    def _announce(self, shipment: Document) -> None:
        event = {
            "type": f"shipment.{shipment['status']}",
            "timestamp": datetime.now(UTC).isoformat(),
            "data": shown(shipment),
        }
        self._webhooks.tell(f"msg_{secrets.token_hex(12)}", json.dumps(event))

    def _plan(self, kind: str, shipment_id: str, seconds: float) -> None:
        self._store.add_job(kind, shipment_id, "", seconds)


def _end(route: Route) -> CarrierShipmentStatus:
    if route.loses:
        return CarrierShipmentStatus.LOST
    if route.returns_to_sender:
        return CarrierShipmentStatus.RETURNED_TO_SENDER
    return CarrierShipmentStatus.DELIVERED


def shown(shipment: Document) -> Document:
    """Return the document that the carrier shows: nothing of the recipient."""
    return {name: shipment[name] for name in SHOWN}


def _tracking() -> Document:
    number = f"WB{secrets.token_hex(6).upper()}"
    url = f"https://parcels.example/track/{number}"
    return {"tracking_number": number, "carrier": CARRIER, "tracking_url": url}


def _answer(shipment: Document, status: int) -> Answer:
    return Answer(status, json.dumps(shown(shipment)))
