"""What is to happen to one order, where the test and the worker both see it: a folder of files.

`<order>.json` is the script. `<order>.sprung` says that it has begun, `<order>.open` that whoever
waits may go on. Files outlive the process that is killed in the middle.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path


class Phase(StrEnum):
    BEFORE = "before"
    DURING = "during"
    """Once the provider has done it; where nobody is asked, within the change of the log."""
    AFTER = "after"
    """Done, and Temporal does not know it yet."""


class Act(StrEnum):
    KILL = "kill"
    """The worker process ends by SIGKILL."""
    GATE = "gate"
    """The activity waits until the test lets it go on."""
    FAIL = "fail"
    """The activity's answer is lost."""
    PROVIDER = "provider"
    """The provider fails while the activity runs."""
    IDLE = "idle"
    """No activity runs when it happens: the test does it from outside."""


@dataclass(frozen=True, slots=True)
class Script:
    activity: str
    phase: Phase
    act: Act
    provider: str | None = None
    """Who is asked: `payments` or `carrier`."""
    operation: str | None = None
    """Of the provider: what fails there, or what it has just done `during` the activity."""
    nth: int = 1
    """Which call of the operation, in one attempt of the activity."""
    lost: str | None = None
    """An operation whose answer is lost first: only a repeated attempt comes by this one."""
    fault: str | None = None
    """What the provider does instead."""
    lasts: bool = False
    """Until the test takes the script away; else it happens once."""


class Scripts:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, order_id: str, script: Script) -> None:
        text = json.dumps(asdict(script))
        draft = self._file(order_id, "draft")
        draft.write_text(text)
        draft.rename(self._file(order_id, "json"))

    def read(self, order_id: str) -> Script | None:
        try:
            facts = json.loads(self._file(order_id, "json").read_text())
        except FileNotFoundError:
            return None
        return Script(**{**facts, "phase": Phase(facts["phase"]), "act": Act(facts["act"])})

    def take_away(self, order_id: str) -> None:
        self._file(order_id, "json").unlink(missing_ok=True)

    def spring(self, order_id: str) -> bool:
        """Whether it has not happened before."""
        try:
            self._file(order_id, "sprung").touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def has_sprung(self, order_id: str) -> bool:
        return self._file(order_id, "sprung").exists()

    def open(self, order_id: str) -> None:
        self._file(order_id, "open").touch()

    def is_open(self, order_id: str) -> bool:
        return self._file(order_id, "open").exists()

    def _file(self, order_id: str, kind: str) -> Path:
        return self._folder / f"{order_id}.{kind}"
