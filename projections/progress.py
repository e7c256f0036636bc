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
"""Take the position that was read, and the one to read to."""


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """Yield a function that shows the progress on standard error."""
    # The image has no rich.
    if not sys.stderr.isatty() or find_spec("rich") is None:
        yield lines(_write)
        return
    from rich.console import Console  # noqa: PLC0415 - see above
    from rich.progress import Progress as Bars  # noqa: PLC0415

    with Bars(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("replaying the log", total=None)
        yield lambda position, head: bars.update(task, completed=position, total=head)


def lines(write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> Progress:
    """Return a progress that writes a line when a minute has passed since the last one."""
    last = clock()

    def show(position: int, head: int) -> None:
        nonlocal last
        if (now := clock()) - last >= LINE_EVERY_SECONDS:
            last = now
            write(f"replayed up to position {position} of {head}")

    return show


def _write(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
