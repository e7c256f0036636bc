"""Write and read the recorded histories, `<path>.json`, in a readable form."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from temporalio.client import WorkflowHistory
from temporalio.converter import DataConverter

from temporal.payload_converter import SharedPydanticPayloadConverter

FOLDER: Final = Path(__file__).parent
CONVERTER: Final = DataConverter(payload_converter_class=SharedPydanticPayloadConverter)
"""A converter without encryption: the recorded samples are there to be read."""

_READABLE: Final = {"json/plain", "json/protobuf"}
_OF_THE_MACHINE: Final = {"identity", "requestId", "stackTrace", "taskId", "workerVersion"}
"""The fields that describe the recording machine; no replay reads them."""


def write(folder: Path, path: str, histories: Sequence[WorkflowHistory]) -> None:
    runs = ",\n".join(_run_as_text(history) for history in histories)
    (folder / f"{path}.json").write_text(f"[\n{runs}\n]\n")


def read(file: Path) -> list[WorkflowHistory]:
    return [
        WorkflowHistory.from_json(run["workflow"], {"events": _converted(run["events"], _encoded)})
        for run in json.loads(file.read_text())
    ]


def _run_as_text(history: WorkflowHistory) -> str:
    """Write one event a line, so that a difference is readable."""
    events = _converted(history.to_json_dict(), _readable)["events"]
    lines = ",\n".join(json.dumps(event, separators=(",", ":")) for event in events)
    return f'{{"workflow":"{history.workflow_id}","events":[\n{lines}\n]}}'


Payload = dict[str, Any]


def _converted(node: Any, payload: Callable[[Payload], Payload]) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(node, list):
        return [_converted(item, payload) for item in node]
    if not isinstance(node, dict):
        return node
    if "encoding" in (node.get("metadata") or {}):
        return payload(node)
    return {
        key: _converted(value, payload) for key, value in node.items() if key not in _OF_THE_MACHINE
    }


def _readable(payload: Payload) -> Payload:
    metadata = {key: base64.b64decode(value).decode() for key, value in payload["metadata"].items()}
    if metadata["encoding"] not in _READABLE:
        return {"metadata": metadata, "base64": payload.get("data", "")}
    return {"metadata": metadata, "json": json.loads(base64.b64decode(payload["data"]))}


def _encoded(readable: Payload) -> Payload:
    metadata = {
        key: base64.b64encode(value.encode()).decode()
        for key, value in readable["metadata"].items()
    }
    if "json" not in readable:
        return {"metadata": metadata, "data": readable["base64"]}
    data = base64.b64encode(json.dumps(readable["json"]).encode()).decode()
    return {"metadata": metadata, "data": data}
