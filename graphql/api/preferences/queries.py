from __future__ import annotations

from typing import Annotated

import strawberry

from api.auth import Viewer
from api.context import Info
from api.errors import bad_input, forbidden
from api.preferences.types import NotificationPreferences
from domain.identifiers import is_identifier

CustomerId = Annotated[
    strawberry.ID | None,
    strawberry.argument(
        description="The customer, whom staff must name. Customers read their own."
    ),
]


@strawberry.type
class PreferenceQuery:
    @strawberry.field(
        description="The notifications that a customer gets: categories by channel, and quiet "
        "hours. The defaults for a customer who has chosen nothing."
    )
    async def notification_preferences(
        self, info: Info, customer_id: CustomerId = None
    ) -> NotificationPreferences:
        customer = _customer(customer_id, info.context.viewer)
        preferences = await info.context.services.preferences.get(customer)
        return NotificationPreferences.of(customer, preferences)


def _customer(given: str | None, viewer: Viewer) -> str:
    """Return the customer's id. Raises FORBIDDEN and BAD_USER_INPUT."""
    if not viewer.is_staff:
        if given not in {None, viewer.sub}:
            raise forbidden("customerId is for operators: leave it out")
        return viewer.sub
    if given is None:
        raise bad_input("customerId: name the customer")
    if not is_identifier(given):
        raise bad_input("customerId: this can be no id")
    return given
