"""The bodies of requests, checked."""

from __future__ import annotations

from typing import Literal, TypeVar

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from providers.simulation.refusal import Refusal


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", str_min_length=1, str_max_length=200)


class _Address(_Strict):
    name: str
    street: str
    city: str
    postal_code: str | None
    country: str = Field(pattern=r"^[A-Z]{2}$")
    line2: str | None = None
    region: str | None = None
    company: str | None = None
    phone: str | None = Field(None, pattern=r"^\+[1-9][0-9]{1,14}$")


class _Item(_Strict):
    sku: str
    quantity: int = Field(ge=1)


class NewShipment(_Strict):
    reference: str
    status: Literal["created", "cancelled"] = "created"
    address: _Address | None = None
    items: list[_Item] = []

    @model_validator(mode="after")
    def _is_complete(self) -> NewShipment:
        if self.status == "created" and not (self.address and self.items):
            raise ValueError("a shipment needs an address and items")
        return self

    @property
    def operation(self) -> str:
        """The operation of the request; the fence is part of a cancellation."""
        return "cancel" if self.status == "cancelled" else "create"

    @property
    def postal_code(self) -> str:
        """The postal code; empty for a country without them, and for the fence."""
        return (self.address and self.address.postal_code) or ""

    @property
    def units(self) -> int:
        return sum(item.quantity for item in self.items)


class NewReturn(_Strict):
    reference: str
    items: list[_Item] = Field(min_length=1)

    @property
    def units(self) -> int:
        return sum(item.quantity for item in self.items)


Body = TypeVar("Body", bound=_Strict)


async def body_of(request: Request, shape: type[Body]) -> Body:
    """Return the checked body. Raises Refusal for a body of another shape."""
    try:
        return shape.model_validate_json(await request.body())
    except ValidationError as error:
        # The values stay out of the message: they are the customer's.
        fields = {".".join(map(str, fault["loc"])) or "body" for fault in error.errors()}
        message = f"Correct these fields: {', '.join(sorted(fields))}."
        raise Refusal(400, "invalid_request", message) from None
