"""Store the examples in graphql/examples, with fixed values where each run has its own."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from stack.processes import ROOT
from tests.integration.api.examples import Example

FOLDER: Final = ROOT / "graphql" / "examples"
TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)")
UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NUMBER: Final = re.compile(r"\bW-[0-9A-Z]{10}\b")
PROVIDER_ID: Final = re.compile(r"\b(pi|shp)_[0-9a-f]{24}\b")
SEALED_POSITION: Final = re.compile(r"^[A-Za-z0-9_-]{32}$")
FIXED_NUMBER: Final = "W-NZCPARBRQ5"
FIXED_PROVIDER_ID: Final = r"\1_000000000000000000000001"
FIXED_TIME: Final = "2026-01-31T09:30:00+00:00"
FIXED: Final[dict[str, object]] = {
    "position": "kq3v0yQm2oT8sX5c",
    "asOf": "kq3v0yQm2oT8sX5c",
    "positionNumber": 761,
    "cursor": "b3JkZXItY3Vyc29y",
    "startCursor": "b3JkZXItY3Vyc29y",
    "endCursor": "b3JkZXItY3Vyc29y",
    "events": 0,
    "seconds": 0.02,
    "trackingNumber": "PARCEL-0001",
    "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=",
}
"""The values of these fields, which are opaque to clients or differ in each run."""


def write(texts: Mapping[str, str]) -> None:
    """Store these examples, and remove those of documents that are no more."""
    for path in FOLDER.glob("*.json"):
        path.unlink()
    for name, text in texts.items():
        (FOLDER / f"{name}.json").write_text(text)


def text_of(example: Example) -> str:
    """Return the example as it is stored."""
    uuids: dict[str, str] = {}
    return f"{json.dumps(_fixed(example.as_json(), uuids), indent=2, ensure_ascii=False)}\n"


def _fixed(value: object, uuids: dict[str, str], key: str = "") -> object:
    match value:
        case dict():
            return {name: _fixed(part, uuids, name) for name, part in value.items()}
        case list():
            return [_fixed(part, uuids) for part in value]
        case None:
            return None
        case _ if key in FIXED:
            return FIXED[key]
        case str():
            value = SEALED_POSITION.sub(str(FIXED["position"]), value)
            value = PROVIDER_ID.sub(FIXED_PROVIDER_ID, value)
            text = NUMBER.sub(FIXED_NUMBER, TIME.sub(FIXED_TIME, value))
            return UUID.sub(lambda found: _uuid(found[0], uuids), text)
        case _:
            return value


def _uuid(found: str, uuids: dict[str, str]) -> str:
    """Return the same id for the same id: the first of an example, the second, and so on."""
    return uuids.setdefault(found, f"00000000-0000-4000-8000-{len(uuids) + 1:012d}")
