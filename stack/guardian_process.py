"""End every child of the stack after the stack has ended, even by SIGKILL.

This script runs as a separate process without Waybill's environment or packages. Its standard input
is a pipe that only the stack holds open. Each child writes `add <pid> <stop signal>` before it
becomes its program (see guardian.py), and the stack writes `gone <pid>`.
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
    """Signal each process group to stop, newest first, and kill the rest after GRACE_SECONDS."""
    alive = [pid for pid in reversed(stop_signals) if send(pid, stop_signals[pid])]
    deadline = time.monotonic() + GRACE_SECONDS
    while alive and time.monotonic() < deadline:
        time.sleep(0.05)
        alive = [pid for pid in alive if send(pid, 0)]
    for pid in alive:
        send(pid, signal.SIGKILL)


def send(group: int, number: int) -> bool:
    """Send the signal, and return True if the group still exists."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main()
