"""Share one order's script between the test and the worker, as files in a folder.

`<order>.json` is the script. `<order>.sprung` records that the fault has begun, `<order>.open` that
the waiting activity may continue. Files survive a process that is killed.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path


class Phase(StrEnum):
    BEFORE = "before"
    DURING = "during"
    """The provider has done it; without a provider, inside the transaction of the log."""
    AFTER = "after"
    """The activity is done, and Temporal does not know it yet."""


class Act(StrEnum):
    KILL = "kill"
    """SIGKILL ends the worker process."""
    GATE = "gate"
    """The activity waits until the test opens the gate."""
    FAIL = "fail"
    """The activity's answer is lost."""
    PROVIDER = "provider"
    """The provider fails while the activity runs."""
    IDLE = "idle"
    """No activity runs at that moment: the test disturbs the saga from outside."""


@dataclass(frozen=True, slots=True)
class Script:
    activity: str
    phase: Phase
    act: Act
    provider: str | None = None
    """The provider that is called: `payments` or `carrier`."""
    operation: str | None = None
    """The provider's operation that fails, or that it has just done `during` the activity."""
    nth: int = 1
    """The number of the operation's call in one attempt of the activity."""
    lost: str | None = None
    """The operation whose answer is lost first: only a repeated attempt reaches this point."""
    fault: str | None = None
    """The simulator's fault."""
    lasts: bool = False
    """The fault lasts until the test removes the script; otherwise it occurs once."""


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
        """Record that the fault has begun; return whether this is the first time."""
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
