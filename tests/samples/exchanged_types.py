"""The types that Temporal's histories hold: what workflows and activities take and return."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, get_args, get_type_hints

from temporalio import workflow

from activities import interface
from activities.orders import DIRECT_COMMANDS
from domain.order.commands import PlaceOrder
from temporal.runner import WORKFLOWS
from tests.samples.files import digest

FILE: Final = Path(__file__).with_suffix(".json")
ADVICE: Final = (
    "{name} is written to Temporal's histories, and its schema has changed. A running workflow "
    "still holds the old form, and so does a worker of the old build. Raise STORED_FORMAT in "
    "stored_format.py, delete the line of {name} in tests/samples/exchanged_types.json and run "
    "`python -m tests.samples.record`"
)
_ACTIVITIES: Final = (
    interface.SagaActivities,
    interface.OrderActivities,
    interface.PaymentActivities,
    interface.ProviderActivities,
    interface.ShippingActivities,
    interface.RecoveryActivities,
    interface.ReconciliationActivities,
)
_PLAIN: Final = {str, int, bool, type(None)}


def exchanged_types() -> dict[str, type]:
    """Return the types by name, with the commands that they hold."""
    commands = (PlaceOrder, *DIRECT_COMMANDS.values())
    hints = [*_of_activities(), *_of_workflows(), *commands]
    found = {part for hint in hints for part in get_args(hint) or (hint,)} - _PLAIN
    return {kind.__name__: kind for kind in sorted(found, key=lambda kind: kind.__name__)}


def digests() -> dict[str, str]:
    return {name: digest(kind) for name, kind in exchanged_types().items()}


def recorded_digests(file: Path = FILE) -> dict[str, str]:
    recorded: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    return recorded


def record_digests(file: Path = FILE) -> list[str]:
    """Record the missing digests; return advice for each type whose schema has changed."""
    now = digests()
    recorded = now | recorded_digests(file)
    file.write_text(json.dumps(recorded, indent=2, sort_keys=True) + "\n")
    return [ADVICE.format(name=name) for name, found in now.items() if recorded[name] != found]


def _of_activities() -> Iterator[Any]:
    for activities in _ACTIVITIES:
        for name in activities.__abstractmethods__:
            yield from get_type_hints(getattr(activities, name)).values()


def _of_workflows() -> Iterator[Any]:
    for kind in WORKFLOWS:
        definition = workflow._Definition.must_from_class(kind)
        handlers = [signal.fn for signal in definition.signals.values()]
        handlers += [update.fn for update in definition.updates.values()]
        for function in (definition.run_fn, *handlers):
            yield from get_type_hints(function).values()
