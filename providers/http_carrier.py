"""A carrier that speaks docs/CARRIER.md."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from providers.carrier import CarrierShipment, ShipmentAddress, ShipmentItem, ShipmentStatus
from providers.errors import AlreadyDispatched, ProviderError, ProviderRefused, ProviderUnavailable
from providers.http import TOTAL_SECONDS, answering, pooled_client

PROVIDER = "carrier"
_SHIPMENTS = "/v1/shipments"


class _Shipment(BaseModel):
    id: str
    reference: str
    status: ShipmentStatus
    tracking_number: str | None = None

    def public(self) -> CarrierShipment:
        return CarrierShipment(self.id, self.reference, self.status, self.tracking_number)


class _List(BaseModel):
    data: list[_Shipment]


class _Fault(BaseModel):
    code: str


class _Failure(BaseModel):
    error: _Fault


Shape = TypeVar("Shape", bound=BaseModel)


class HttpCarrier:
    """A Carrier over HTTP. Every call answers or raises within `total_seconds`."""

    def __init__(self, api_key: str, base_url: str, total_seconds: float = TOTAL_SECONDS) -> None:
        self._total_seconds = total_seconds
        self._http = pooled_client(base_url, {"Authorization": f"Bearer {api_key}"})

    async def create_shipment(
        self, *, order_id: str, address: ShipmentAddress, items: Sequence[ShipmentItem]
    ) -> CarrierShipment:
        body = {
            "reference": order_id,
            "address": asdict(address),
            "items": [asdict(item) for item in items],
        }
        async with self._asking("create"):
            return await self._record("create", f"{order_id}/create", body)

    async def find(self, *, order_id: str) -> CarrierShipment | None:
        request = self._http.build_request("GET", _SHIPMENTS, params={"reference": order_id})
        async with self._asking("find"):
            found = _read(_List, "find", await self._ask("find", request)).data
        return found[0].public() if found else None

    async def cancel(self, *, order_id: str) -> CarrierShipment:
        # Whoever comes first takes the reference: after this there is a shipment, and a create
        # still on its way finds it.
        fence = {"reference": order_id, "status": ShipmentStatus.CANCELLED}
        async with self._asking("cancel"):
            shipment = await self._record("cancel", f"{order_id}/cancel", fence)
            if shipment.status is ShipmentStatus.CANCELLED:
                return shipment
            return await self._cancel(shipment.id)

    async def close(self) -> None:
        await self._http.aclose()

    def _asking(self, operation: str) -> AbstractAsyncContextManager[None]:
        return answering(PROVIDER, operation, self._total_seconds)

    async def _record(self, operation: str, key: str, body: object) -> CarrierShipment:
        headers = {"Idempotency-Key": key}
        request = self._http.build_request("POST", _SHIPMENTS, json=body, headers=headers)
        answer = await self._ask(operation, request)
        shipment = _read(_Shipment, operation, answer)
        # A repeated key is answered with the answer of that time.
        if "idempotent-replayed" in answer.headers:
            request = self._http.build_request("GET", f"{_SHIPMENTS}/{shipment.id}")
            shipment = _read(_Shipment, operation, await self._ask(operation, request))
        return shipment.public()

    async def _cancel(self, shipment_id: str) -> CarrierShipment:
        request = self._http.build_request("POST", f"{_SHIPMENTS}/{shipment_id}/cancel")
        try:
            answer = await self._ask("cancel", request)
        except ProviderRefused as refusal:
            if refusal.code != "already_dispatched":
                raise
            raise AlreadyDispatched(PROVIDER, "cancel", shipment_id) from None
        return _read(_Shipment, "cancel", answer).public()

    async def _ask(self, operation: str, request: httpx.Request) -> httpx.Response:
        answer = await self._http.send(request)
        if not answer.is_success:
            raise _failure(operation, answer)
        return answer


def _read(shape: type[Shape], operation: str, answer: httpx.Response) -> Shape:
    try:
        return shape.model_validate_json(answer.content)
    except ValidationError:
        raise ProviderUnavailable(PROVIDER, operation, "unreadable_answer") from None


def _failure(operation: str, answer: httpx.Response) -> ProviderError:
    code = _code(answer)
    busy = answer.status_code == httpx.codes.TOO_MANY_REQUESTS or code == "idempotency_key_in_use"
    if busy or not answer.is_client_error:
        return ProviderUnavailable(PROVIDER, operation, code)
    return ProviderRefused(PROVIDER, operation, code, answer.status_code)


def _code(answer: httpx.Response) -> str:
    try:
        return _Failure.model_validate_json(answer.content).error.code
    except ValidationError:
        return f"http_{answer.status_code}"
