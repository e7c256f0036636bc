"""Show the progress of the run: bars in a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from demo.plan import Plan
from demo.play import Ending
from demo.scenarios import Scenario

_LINE_EVERY: Final = 20


class Display(Protocol):
    def began(self, scenario: Scenario) -> None: ...

    def ended(self, ending: Ending) -> None: ...


class Bars:
    """Shows a bar for each outcome."""

    def __init__(self, progress: Progress, plans: Sequence[Plan]) -> None:
        self._progress = progress
        counts = Counter(plan.scenario for plan in plans)
        self._tasks = {
            scenario: progress.add_task(scenario.name, total=count, start=False)
            for scenario, count in counts.items()
        }

    def began(self, scenario: Scenario) -> None:
        self._progress.start_task(self._tasks[scenario])

    def ended(self, ending: Ending) -> None:
        self._progress.advance(self._tasks[ending.scenario])


class Lines:
    """Prints a line after every _LINE_EVERY orders."""

    def __init__(self, console: Console, plans: Sequence[Plan]) -> None:
        self._console = console
        self._total = len(plans)
        self._ended = 0

    def began(self, scenario: Scenario) -> None:
        """Print nothing."""

    def ended(self, ending: Ending) -> None:
        self._ended += 1
        if not ending.is_expected:
            self._console.print(f"order {ending.order}: {ending.became}")
        if self._ended % _LINE_EVERY == 0 or self._ended == self._total:
            self._console.print(f"{self._ended} of {self._total} orders have ended")


@contextmanager
def display(console: Console, plans: Sequence[Plan]) -> Iterator[Display]:
    if not console.is_terminal:
        yield Lines(console, plans)
        return
    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        yield Bars(progress, plans)
