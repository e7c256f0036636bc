"""Bound every label of every metric: a label never holds an id that a customer or an order brings.

Each series costs memory in Prometheus, and an id would make one for each order. It would also carry
a customer's id into a system that no erasure reaches.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from strawberry.types import get_object_definition

from activities.figures import ENDS
from api.metered import INTROSPECTION, INVALID, NO_ROUTE, SEVERAL
from api.schema import Mutation, Query
from domain.registry import AGGREGATES
from notifications.operators.causes import CauseKind
from notifications.outbox import Channel, State
from notifications.webhooks.outcome import Outcome
from projections.registry import FOLLOWING, READ_MODELS
from queries.dead_letters import DeadLetterState
from queries.notifications import PARKED
from queries.operator_notices import OPEN, UNACKNOWLEDGED
from queries.queues import TASK_QUEUES

MAX_GROUPS: Final = 50


class Bound(Protocol):
    def permits(self, value: str) -> bool: ...

    def __str__(self) -> str: ...


@dataclass(frozen=True)
class OneOf:
    """The values are known when the code is written."""

    values: frozenset[str]
    shown: str = ""

    def permits(self, value: str) -> bool:
        return value in self.values

    def __str__(self) -> str:
        return self.shown or ", ".join(f"`{value}`" for value in sorted(self.values))


@dataclass(frozen=True)
class Named:
    """The values are named by the deployment, at most so many of them, after a pattern."""

    pattern: re.Pattern[str]
    shown: str

    def permits(self, value: str) -> bool:
        return self.pattern.fullmatch(value) is not None and not IDS.search(value)

    def __str__(self) -> str:
        return self.shown


@dataclass(frozen=True)
class AnyOf:
    bounds: tuple[Bound, ...]

    def permits(self, value: str) -> bool:
        return any(bound.permits(value) for bound in self.bounds)

    def __str__(self) -> str:
        return ", ".join(map(str, self.bounds))


IDS: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-|@|\d{4}|\b(order|payment|return|customer|reconcile)-", re.IGNORECASE
)
"""It finds the ids of orders, customers, events and workflows, order numbers and addresses."""


def one_of(*values: str) -> OneOf:
    return OneOf(frozenset(values))


def _many(values: Collection[str], shown: str) -> OneOf:
    return OneOf(frozenset(values), shown)


def _commands() -> Collection[str]:
    """Return the names of all commands: the classes that have no subclass of their own."""
    waiting, names = list(AGGREGATES), set()
    while waiting:
        command = waiting.pop()
        waiting += (kinds := command.__subclasses__())
        if not kinds:
            names.add(command.__name__)
    return names


def _operations() -> Collection[str]:
    fields = (
        field.graphql_name or _camel(field.python_name)
        for root in (Query, Mutation)
        for field in get_object_definition(root, strict=True).fields
    )
    return {*fields, SEVERAL, INTROSPECTION, INVALID}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


_GROUP: Final = Named(
    re.compile(r"[A-Za-z][\w-]{0,99}"), f"the consumer groups of the bus, at most {MAX_GROUPS}"
)
_GROUP_OF: Final = Named(
    re.compile(r"group [A-Za-z][\w-]{0,99}"), f"`group <name>`, at most {MAX_GROUPS}"
)
_CHANNELS: Final = [str(channel) for channel in Channel]
_CHANNEL: Final = one_of(*_CHANNELS)
_PROJECTION: Final = one_of(*(model.name for model in READ_MODELS))
_LETTERS: Final[Mapping[str, Bound]] = {"group": _GROUP, "state": one_of(*DeadLetterState)}
_SAGA: Final[Mapping[str, Bound]] = {
    "saga": one_of(*(end.saga for end in ENDS.values())),
    "outcome": one_of(*(end.outcome for end in ENDS.values())),
}
_QUEUE: Final = AnyOf(
    (
        one_of("relay", "dead letters", *TASK_QUEUES, *(f"outbox {name}" for name in _CHANNELS)),
        _GROUP_OF,
    )
)

LABELS: Final[Mapping[str, Mapping[str, Bound]]] = {
    "waybill_check_passing": {
        "check": _many(
            {
                *("database", "temporal", "workers", "head", "checkpoints", "projections"),
                *("reconciliation", "dead_letters", "webhooks", "bus", "relay", "replica"),
                *("payments", "carrier"),
            },
            "the checks of `/readyz`",
        ),
        "required": one_of("true", "false"),
    },
    "waybill_commands": {
        "command": _many(_commands(), "the commands of `domain/*/commands.py`"),
        "outcome": one_of("accepted", "refused", "failed"),
    },
    "waybill_dead_letter_oldest_seconds": _LETTERS,
    "waybill_dead_letters": _LETTERS,
    "waybill_event_processing_seconds": {
        "consumer": AnyOf(
            (
                one_of(
                    *("relay", "webhooks"),
                    *(f"projection {projection.name}" for projection in FOLLOWING),
                    *(f"notifications by {name}" for name in _CHANNELS),
                ),
                _GROUP_OF,
            )
        )
    },
    "waybill_graphql_seconds": {
        "operation": _many(
            _operations(),
            f"the fields of `Query` and `Mutation`; `{SEVERAL}`, `{INTROSPECTION}`, `{INVALID}`",
        ),
        "outcome": one_of("ok", "refused", "failed"),
    },
    "waybill_http_request_seconds": {
        "route": Named(
            re.compile(rf"{NO_ROUTE}|/[a-z_/{{}}.-]*"), f"the routes of the API; `{NO_ROUTE}`"
        ),
        "status": one_of("1xx", "2xx", "3xx", "4xx", "5xx"),
    },
    "waybill_notifications": {"channel": _CHANNEL, "state": one_of(*State, PARKED)},
    "waybill_notifications_lag_seconds": {"channel": _CHANNEL},
    "waybill_operator_notices": {
        "kind": one_of(*CauseKind),
        "state": one_of(OPEN, UNACKNOWLEDGED),
    },
    "waybill_pool_connections": {
        "pool": one_of("log", "queries", "replica log", "replica queries", "worker", "projections"),
        "state": one_of("used", "waiting", "max"),
    },
    **{
        f"waybill_projection_{what}": {"projection": _PROJECTION}
        for what in ("lag_events", "lag_seconds", "parked_oldest_seconds", "parked_streams")
    },
    "waybill_provider_breaker_open": {"provider": one_of("payments", "carrier")},
    "waybill_provider_call_seconds": {
        "provider": one_of("payments", "carrier"),
        "operation": one_of(
            *("authorize", "find", "search", "capture", "void", "refund", "get"),
            *("refunds", "disputes"),
            *("create", "cancel", "return", "find_return"),
        ),
        "outcome": one_of("ok", "refused", "unavailable"),
    },
    "waybill_provider_paused_calls": {"provider": one_of("payments", "carrier")},
    "waybill_queue_depth": {"queue": _QUEUE},
    "waybill_queue_oldest_seconds": {"queue": _QUEUE},
    "waybill_saga_discrepancies": {"system": one_of("payment", "shipment", "workflow", "stock")},
    "waybill_saga_seconds": _SAGA,
    "waybill_sagas": _SAGA,
    "waybill_webhook_attempts_total": {"outcome": one_of(*Outcome)},
}
"""The bound of each label, by the metric's name in the code. A metric without labels is absent."""


def refusals(metric: str, labels: Mapping[str, str]) -> list[str]:
    """Return a line for each label of a series that the table does not permit."""
    bounds = LABELS.get(metric, {})
    return [
        f'{metric} has the label {name}="{value}", which tools/metric_labels.py does not permit'
        for name, value in labels.items()
        if name not in bounds or not bounds[name].permits(value)
    ]
