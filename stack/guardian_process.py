"""Ends every child of the stack once the stack itself is gone, even by SIGKILL.

Runs as a process of its own, without our environment or packages. Its standard input is a pipe
that only the stack holds open; each child adds itself with `add <pid> <stop signal>` before it
becomes the program it runs (see processes.py), and the stack says `gone <pid>`.
"""

from __future__ import annotations

import os
import signal
import sys
import time

GRACE_SECONDS = 5.0


def main() -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    stop_signals: dict[int, int] = {}
    for line in sys.stdin:
        verb, pid, *stop_signal = line.split()
        if verb == "add":
            stop_signals[int(pid)] = int(stop_signal[0])
        else:
            stop_signals.pop(int(pid), None)
    end(stop_signals)


def end(stop_signals: dict[int, int]) -> None:
    """Ask each process group to stop, newest first; kill what is left after the grace."""
    alive = [pid for pid in reversed(stop_signals) if send(pid, stop_signals[pid])]
    deadline = time.monotonic() + GRACE_SECONDS
    while alive and time.monotonic() < deadline:
        time.sleep(0.05)
        alive = [pid for pid in alive if send(pid, 0)]
    for pid in alive:
        send(pid, signal.SIGKILL)


def send(group: int, number: int) -> bool:
    """Whether the group is still there to receive it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main()
