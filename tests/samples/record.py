"""`python -m tests.samples.record`: record the samples and schemas that are missing.

A recorded sample represents events in a stored log, and a recorded schema what is stored in the log
or in Temporal's histories. So this command never overwrites either.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from domain.event import Event
from domain.registry import EVENT_TYPES
from kit.command import run_command
from tests.samples.examples import EXAMPLES, FORMS
from tests.samples.exchanged_types import record_digests
from tests.samples.files import FOLDER, SCHEMAS, digest, name_of, schema_digests

ADVICE: Final = (
    "{name}: its fields have changed since schema version {version} was recorded. Raise its "
    "schema_version and add the step from {version} to its upcasters"
)


def record(folder: Path) -> list[str]:
    """Record what is missing; return the tasks that remain to be done by hand."""
    for form, event in [("", event) for event in EXAMPLES] + list(FORMS.items()):
        _record_sample(folder / name_of(event, form), event)
    return _record_schemas(folder)


def _record_sample(path: Path, event: Event) -> None:
    if not path.exists():
        path.write_text(f"{event.model_dump_json(indent=2)}\n")


def _record_schemas(folder: Path) -> list[str]:
    recorded = schema_digests(folder)
    changed = []
    for name, event_type in EVENT_TYPES.items():
        version = event_type.schema_version
        now = digest(event_type)
        if recorded.setdefault(name, {}).setdefault(str(version), now) != now:
            changed.append(ADVICE.format(name=name, version=version))
    (folder / SCHEMAS).write_text(json.dumps(recorded, indent=2, sort_keys=True) + "\n")
    return changed


if __name__ == "__main__":
    run_command(lambda: "\n".join([*record(FOLDER), *record_digests()]) or None)
