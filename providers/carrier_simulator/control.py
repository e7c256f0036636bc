"""What happens to a parcel on its way: routes for tests."""

from __future__ import annotations

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from providers.carrier import CarrierShipmentStatus
from providers.carrier_simulator.returns import Returns
from providers.carrier_simulator.shipments import Shipments
from providers.simulation.service import Simulator
from providers.simulation.store import Document


class ParcelReport(BaseModel):
    """The parcel of the order `reference` reaches a status, from whatever status it had."""

    model_config = ConfigDict(extra="forbid")

    reference: str = Field(min_length=1)
    status: CarrierShipmentStatus


class GoodsBack(BaseModel):
    """The goods of the return of the order `reference` are back."""

    model_config = ConfigDict(extra="forbid")

    reference: str = Field(min_length=1)


def add_control(app: FastAPI, simulator: Simulator, shipments: Shipments, returns: Returns) -> None:
    @app.post("/control/shipments")
    async def move(report: ParcelReport) -> Document:
        with simulator.store.transaction():
            shipment = shipments.report(report.reference, report.status)
        simulator.wake()
        return shipment

    @app.post("/control/returns")
    async def bring_back(report: GoodsBack) -> Document:
        with simulator.store.transaction():
            fetched = returns.report_back(report.reference)
        simulator.wake()
        return fetched
