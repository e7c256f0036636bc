"""Show how far a long command has read the log: a bar in a terminal, a line a minute elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Final

LINE_EVERY_SECONDS: Final = 60.0

Progress = Callable[[int, int], None]
"""Take how far the log was read, and how far it is to be read: positions, or events."""


@contextmanager
def shown_progress(what: str = "replaying the log") -> Iterator[Progress]:
    """Yield a function that shows the progress on standard error, with an estimate of the rest."""
    # The image has no rich.
    if not sys.stderr.isatty() or find_spec("rich") is None:
        yield lines(_write, what)
        return
    from rich.console import Console  # noqa: PLC0415 - see above
    from rich.progress import Progress as Bars  # noqa: PLC0415

    with Bars(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(what, total=None)
        yield lambda read, all_: bars.update(task, completed=read, total=all_)


def lines(
    write: Callable[[str], None], what: str, clock: Callable[[], float] = time.monotonic
) -> Progress:
    """Return a progress that writes a line when a minute has passed since the last one."""
    started = last = clock()

    def show(read: int, all_: int) -> None:
        nonlocal last
        if (now := clock()) - last >= LINE_EVERY_SECONDS:
            last = now
            left = (now - started) * max(all_ - read, 0) / max(read, 1)
            write(f"{what}: {read} of {all_}, about {left:.0f} s left")

    return show


def _write(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
