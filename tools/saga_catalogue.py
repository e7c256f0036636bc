"""Fill or compare the blocks of docs/SAGAS.md: `python -m tools.saga_catalogue [--check]`.

The steps, undos and deadlines are those of domain/saga/plan.py, which the workflows run. The
defaults of the deadlines are those of the settings. The rest of docs/SAGAS.md is edited there.
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
from tools.generated_blocks import write_or_check

FILE: Final = Path(__file__).parent.parent / "docs" / "SAGAS.md"


def blocks() -> dict[str, str]:
    returned = "RETURNED, or DELIVERED if only a part came back"
    return {
        "order-picture": _picture(ORDER_PLAN, end="COMPLETED"),
        "order-steps": _table(ORDER_PLAN),
        "order-undos": _undos(ORDER_PLAN),
        "return-picture": _picture(RETURN_PLAN, end=returned),
        "return-steps": _table(RETURN_PLAN),
    }


def _picture(plan: Sequence[PlanStep], *, end: str) -> str:
    """Draw the steps from top to bottom, and the undos that lead back."""
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
    """Draw the undos newest first, and parallel neighbours side by side."""
    undos = [_undo_of(step) for step in reversed(undoable)]
    together = [[u.name for u in group] for _, group in groupby(undos, key=_stage)]
    for earlier, later in pairwise(together):
        yield f"    {' & '.join(earlier)} ==> {' & '.join(later)}"
    if together:
        yield f'    {" & ".join(together[-1])} ==> back(["CANCELLED"])'


def _stage(undo: Undo) -> str:
    """Return the same text for all undos that may run at the same time."""
    return "together" if undo.parallel else undo.name


def _table(plan: Iterable[PlanStep]) -> str:
    rows = [
        "| step | what it does | undone by | waits at most | retries for | when it fails |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for step in plan:
        undo = f"`{step.undo.name}`" if step.undo else ""
        times = f"{_time(step.deadline)} | {_time(step.timeout)}"
        rows.append(f"| `{step.name}` | {step.description} | {undo} | {times} | {_failure(step)} |")
    return "\n".join(rows)


def _failure(step: PlanStep) -> str:
    return f"compensates: `{step.on_failure}`" if step.on_failure else "parks"


def _time(name: Deadline | Timeout | None) -> str:
    """Return the setting and its default."""
    if name is None:
        return ""
    setting = name if name in Settings.model_fields else f"{name}_deadline"
    default = Settings.model_fields[setting].default
    return f"`WAYBILL_{setting.upper()}` ({_written(default)})"


def _written(duration: timedelta) -> str:
    for unit, seconds in (("d", 86_400), ("h", 3_600), ("min", 60)):
        count, rest = divmod(int(duration.total_seconds()), seconds)
        if count and not rest:
            return f"{count} {unit}"
    return f"{duration.total_seconds():g} s"


def _undos(plan: Sequence[PlanStep]) -> str:
    rows = [
        "| undo | what it does | retries for | beside others |",
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
        return "in parallel with its neighbours"
    return "alone; impossible once the parcel has left" if undo.until_pivot else "alone"


def _undo_of(step: PlanStep) -> Undo:
    if step.undo is None:
        raise ValueError(f"{step.name} has no undo")
    return step.undo


def main(arguments: Sequence[str]) -> int | str:
    return write_or_check(FILE, blocks(), "tools.saga_catalogue", arguments)


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))
