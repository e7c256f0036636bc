"""`python -m tools.saga_catalogue [--check]`: write docs/SAGAS.md, or compare with it.

The steps, undos and deadlines are those of domain/saga/plan.py, which the workflows run; the
deadlines' defaults are those of the settings.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import groupby, pairwise
from pathlib import Path
from typing import Final

from domain.saga.plan import ORDER_PLAN, RETURN_PLAN, Deadline, PlanStep, Timeout, Undo
from kit.command import run_command
from settings import Settings
from tools.saga_catalogue_text import (
    HOW_TO,
    INTRODUCTION,
    ORDER,
    ORDER_AFTERWORD,
    PAYMENT,
    RETURN,
)

FILE: Final = Path(__file__).parent.parent / "docs" / "SAGAS.md"


def catalogue() -> str:
    parts = [
        INTRODUCTION,
        ORDER,
        _picture(ORDER_PLAN, end="COMPLETED"),
        _table(ORDER_PLAN),
        _undos(ORDER_PLAN),
        ORDER_AFTERWORD,
        PAYMENT,
        RETURN,
        _picture(RETURN_PLAN, end="RETURNED, or DELIVERED if only a part came back"),
        _table(RETURN_PLAN),
        HOW_TO,
    ]
    return "\n\n".join(parts) + "\n"


def _picture(plan: Sequence[PlanStep], *, end: str) -> str:
    """The way forward from top to bottom, the undos beside it and from bottom to top."""
    names = [step.name for step in plan]
    lines = ["```mermaid", "flowchart TD"]
    lines += [f'    {name}["{name}"]' for name in names]
    lines += [f"    {one} --> {next_one}" for one, next_one in pairwise(names)]
    lines.append(f'    {names[-1]} --> done(["{end}"])')
    undoable = [step for step in plan if step.undo is not None]
    lines += [f"    {step.name} -. undone by .-> {_undo_of(step).name}" for step in undoable]
    lines += _back(undoable)
    lines += ["```"]
    return "\n".join(lines)


def _back(undoable: Sequence[PlanStep]) -> Iterator[str]:
    """Newest first; neighbours that stand alone side by side, as the engine runs them."""
    undos = [_undo_of(step) for step in reversed(undoable)]
    together = [[u.name for u in group] for _, group in groupby(undos, key=_stage)]
    for earlier, later in pairwise(together):
        yield f"    {' & '.join(earlier)} ==> {' & '.join(later)}"
    if together:
        yield f'    {" & ".join(together[-1])} ==> back(["CANCELLED"])'


def _stage(undo: Undo) -> str:
    """What the undos that run at the same time have in common."""
    return "together" if undo.parallel else undo.name


def _table(plan: Iterable[PlanStep]) -> str:
    rows = [
        "| step | what it does | undone by | waits at most | asks again for | when it fails |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for step in plan:
        undo = f"`{step.undo.name}`" if step.undo else ""
        times = f"{_time(step.deadline)} | {_time(step.timeout)}"
        rows.append(f"| `{step.name}` | {step.description} | {undo} | {times} | {_failure(step)} |")
    return "\n".join(rows)


def _failure(step: PlanStep) -> str:
    return f"turns round: `{step.on_failure}`" if step.on_failure else "parks"


def _time(name: Deadline | Timeout | None) -> str:
    """The setting, and its default."""
    if name is None:
        return ""
    setting = name if name in Settings.model_fields else f"{name}_deadline"
    default = Settings.model_fields[setting].default
    return f"`WAYBILL_{setting.upper()}` ({_told(default)})"


def _told(duration: timedelta) -> str:
    for unit, seconds in (("d", 86_400), ("h", 3_600), ("min", 60)):
        count, rest = divmod(int(duration.total_seconds()), seconds)
        if count and not rest:
            return f"{count} {unit}"
    return f"{duration.total_seconds():g} s"


def _undos(plan: Sequence[PlanStep]) -> str:
    rows = [
        "| undo | what it does | asks again for | beside others |",
        "| --- | --- | --- | --- |",
    ]
    for step in reversed(plan):
        if step.undo is not None:
            undo = step.undo
            time = _time(undo.timeout)
            rows.append(f"| `{undo.name}` | {undo.description} | {time} | {_company(undo)} |")
    return "\n".join(rows)


def _company(undo: Undo) -> str:
    if undo.parallel:
        return "at the same time as its neighbours"
    return "alone; not once the parcel has left" if undo.until_pivot else "alone"


def _undo_of(step: PlanStep) -> Undo:
    if step.undo is None:
        raise ValueError(f"{step.name} has no undo")
    return step.undo


def main(arguments: Sequence[str]) -> int | str:
    if arguments == ["--check"]:
        same = FILE.exists() and FILE.read_text() == catalogue()
        return 0 if same else f"{FILE.name} is out of date: run `python -m tools.saga_catalogue`"
    FILE.write_text(catalogue())
    return 0


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))
