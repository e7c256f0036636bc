"""Read and write the recorded samples: `<Type>.v<N>.json`, or `<Type>.v<N>.<form>.json`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from domain.event import Event

FOLDER: Final = Path(__file__).parent / "events"
SCHEMAS: Final = "schemas.json"


@dataclass(frozen=True, slots=True)
class Sample:
    type: str
    schema_version: int
    form: str
    """The name of a form that differs within one version; mostly empty."""
    text: str


def name_of(event: Event, form: str) -> str:
    parts = [type(event).__name__, f"v{event.schema_version}", form, "json"]
    return ".".join(filter(None, parts))


def samples() -> list[Sample]:
    paths = sorted(path for path in FOLDER.glob("*.json") if path.name != SCHEMAS)
    return [_sample(path) for path in paths]


def _sample(path: Path) -> Sample:
    name, version, *form = path.stem.split(".")
    return Sample(name, int(version.removeprefix("v")), ".".join(form), path.read_text())


def schema_digests(folder: Path = FOLDER) -> dict[str, dict[str, str]]:
    """Return the recorded digests by type and schema version."""
    file = folder / SCHEMAS
    recorded: dict[str, dict[str, str]] = json.loads(file.read_text()) if file.exists() else {}
    return recorded


def digest(kind: type) -> str:
    """Digest the fields and their constraints, but not their descriptions."""
    schema = _without_prose(TypeAdapter(kind).json_schema())
    return hashlib.sha256(json.dumps(schema, sort_keys=True).encode()).hexdigest()


def _without_prose(schema: Any) -> Any:  # noqa: ANN401 - any part of a JSON schema
    if isinstance(schema, list):
        return [_without_prose(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _without_prose(part)
        for key, part in schema.items()
        # A field may have either name, but its schema is no text.
        if not (key in {"title", "description"} and isinstance(part, str))
    }
