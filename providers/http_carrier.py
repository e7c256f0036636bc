"""A carrier that implements docs/CARRIER.md."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Annotated, Generic, TypeVar

import httpx
from pydantic import (
    BaseModel,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from domain.shipping.tracking import Printable, TrackingInfo, TrackingUrl
from providers import idempotency_keys
from providers.breaker import Breaker, guarded
from providers.carrier import (
    CarrierReturn,
    CarrierShipment,
    CarrierShipmentStatus,
    ReturnStatus,
    ShipmentAddress,
    ShipmentItem,
)
from providers.errors import (
    AlreadyDispatched,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
    UnknownStatus,
)
from providers.event_id import EventId
from providers.http import SAYS_NOTHING, TOTAL_SECONDS, answering, pooled_client, timed
from providers.references import Booking, order_of

PROVIDER = "carrier"
_SHIPMENTS = "/v1/shipments"
_RETURNS = "/v1/returns"

logger = logging.getLogger(__name__)


def _or_none(
    value: object, validate: ValidatorFunctionWrapHandler, info: ValidationInfo
) -> str | None:
    """Leave an unusable text out: a fault in a link must not stop the parcel."""
    try:
        usable: str | None = validate(value)
    except ValidationError:
        logger.warning("the carrier's %s is unusable and left out", info.field_name)
        return None
    return usable


_OrNone = WrapValidator(_or_none)


class _Kept(BaseModel):
    """The carrier's record under one of Waybill's references."""

    id: EventId
    reference: str

    @property
    def order_id(self) -> str:
        return order_of(self.reference)


class _Shipment(_Kept):
    status: CarrierShipmentStatus
    tracking_number: Annotated[Printable | None, _OrNone] = None
    carrier: Annotated[Printable | None, _OrNone] = None
    tracking_url: Annotated[TrackingUrl | None, _OrNone] = None

    def public(self) -> CarrierShipment:
        return CarrierShipment(self.id, self.order_id, self.status, self._tracking())

    def _tracking(self) -> TrackingInfo | None:
        if self.tracking_number is None:
            return None
        return TrackingInfo(
            number=self.tracking_number, carrier=self.carrier, url=self.tracking_url
        )


class _Return(_Kept):
    status: ReturnStatus

    def public(self) -> CarrierReturn:
        return CarrierReturn(self.id, self.order_id, self.status)


Shape = TypeVar("Shape", bound=BaseModel)
Kept = TypeVar("Kept", bound=_Kept)


class _List(BaseModel, Generic[Kept]):
    data: list[Kept]


class _Fault(BaseModel):
    code: str


class _Failure(BaseModel):
    error: _Fault


class HttpCarrier:
    """A Carrier over HTTP. Every call answers or raises within `total_seconds`."""

    def __init__(
        self,
        api_key: str,
        base_url: str,
        total_seconds: float = TOTAL_SECONDS,
        breaker: Breaker | None = None,
    ) -> None:
        self._breaker = breaker
        self._total_seconds = total_seconds
        self._http = pooled_client(base_url, {"Authorization": f"Bearer {api_key}"})

    async def create_shipment(
        self,
        *,
        order_id: str,
        address: ShipmentAddress,
        items: Sequence[ShipmentItem],
        booking: int = 1,
    ) -> CarrierShipment:
        reference = Booking(order_id, booking).reference
        body = {
            "reference": reference,
            "address": asdict(address),
            "items": [asdict(item) for item in items],
        }
        async with self._asking("create"):
            key = idempotency_keys.shipment_create(reference)
            return (await self._record(_Shipment, _SHIPMENTS, "create", key, body)).public()

    async def find(self, *, order_id: str, booking: int = 1) -> CarrierShipment | None:
        async with self._asking("find"):
            reference = Booking(order_id, booking).reference
            found = await self._find(_List[_Shipment], _SHIPMENTS, "find", reference)
        return found[0].public() if found else None

    async def cancel(self, *, order_id: str, booking: int = 1) -> CarrierShipment:
        # The first request takes the reference: after this the shipment exists, and a create in
        # flight finds it.
        reference = Booking(order_id, booking).reference
        fence = {"reference": reference, "status": CarrierShipmentStatus.CANCELLED}
        async with self._asking("cancel"):
            key = idempotency_keys.shipment_cancel(reference)
            shipment = await self._record(_Shipment, _SHIPMENTS, "cancel", key, fence)
            if shipment.status is CarrierShipmentStatus.CANCELLED:
                return shipment.public()
            return await self._cancel(shipment.id)

    async def create_return(
        self, *, order_id: str, items: Sequence[ShipmentItem], booking: int = 1
    ) -> CarrierReturn:
        reference = Booking(order_id, booking).reference
        body = {"reference": reference, "items": [asdict(item) for item in items]}
        async with self._asking("return"):
            key = idempotency_keys.shipment_return(reference)
            return (await self._record(_Return, _RETURNS, "return", key, body)).public()

    async def find_return(self, *, order_id: str, booking: int = 1) -> CarrierReturn | None:
        async with self._asking("find_return"):
            reference = Booking(order_id, booking).reference
            found = await self._find(_List[_Return], _RETURNS, "find_return", reference)
        return found[0].public() if found else None

    async def close(self) -> None:
        await self._http.aclose()

    @asynccontextmanager
    async def _asking(self, operation: str) -> AsyncIterator[None]:
        with guarded(self._breaker, operation), timed(PROVIDER, operation):
            async with answering(PROVIDER, operation, self._total_seconds):
                yield

    async def _record(
        self, shape: type[Kept], path: str, operation: str, key: str, body: object
    ) -> Kept:
        headers = {"Idempotency-Key": key}
        request = self._http.build_request("POST", path, json=body, headers=headers)
        answer = await self._ask(operation, request)
        kept = _read(shape, operation, answer)
        # A repeated key returns the first answer, which may be outdated.
        if "idempotent-replayed" in answer.headers:
            request = self._http.build_request("GET", f"{path}/{kept.id}")
            kept = _read(shape, operation, await self._ask(operation, request))
        return kept

    async def _find(
        self, shape: type[_List[Kept]], path: str, operation: str, reference: str
    ) -> list[Kept]:
        request = self._http.build_request("GET", path, params={"reference": reference})
        return _read(shape, operation, await self._ask(operation, request)).data

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
    except ValidationError as error:
        raise _unreadable(operation, error) from None


def _unreadable(operation: str, error: ValidationError) -> ProviderUnavailable:
    for fault in error.errors():
        if fault["type"] == "enum" and fault["loc"][-1] == "status":
            return UnknownStatus(PROVIDER, operation, str(fault["input"]))
    return ProviderUnavailable(PROVIDER, operation, "unreadable_answer")


def _failure(operation: str, answer: httpx.Response) -> ProviderError:
    """Return our error. A status without the carrier's error object is the answer of a proxy, which
    refuses nothing for the carrier."""
    code = _code(answer)
    says_nothing = answer.status_code in SAYS_NOTHING or code == "idempotency_key_in_use"
    if code is None or says_nothing or not answer.is_client_error:
        reason = code or f"http_{answer.status_code}"
        return ProviderUnavailable(PROVIDER, operation, reason, is_outage=answer.is_server_error)
    return ProviderRefused(PROVIDER, operation, code, answer.status_code)


def _code(answer: httpx.Response) -> str | None:
    try:
        return _Failure.model_validate_json(answer.content).error.code
    except ValidationError:
        return None
