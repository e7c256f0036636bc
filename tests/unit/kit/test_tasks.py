"""A process ends soon after its signal, whether its job ends or not."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kit.tasks import together

ROOT = Path(__file__).parents[3]

JOB = """
import asyncio
from datetime import timedelta
from kit.command import run_command
from kit.tasks import until_stopped

async def polite():
    try:
        await asyncio.Event().wait()
    finally:
        print("cleaned up", flush=True)

async def deaf():
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            print("ignored", flush=True)

async def main(job):
    loop = asyncio.get_running_loop()
    loop.call_soon(lambda: print("runs", flush=True))
    await until_stopped(job(), timedelta(seconds=0.3))

run_command(lambda: asyncio.run(main({job})))
"""


@pytest.mark.parametrize(("job", "said"), [("polite", "cleaned up"), ("deaf", "ignored")])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_in_time(job: str, said: str, number: signal.Signals) -> None:
    program = JOB.replace("{job}", job)
    with subprocess.Popen(  # noqa: S603 - our own interpreter, our own words
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "runs\n"
        sent = time.monotonic()
        process.send_signal(number)
        assert process.stdout.readline() == f"{said}\n"
        assert process.wait(20) == 0
    assert time.monotonic() - sent < 5


async def test_the_first_failure_cancels_the_others_and_is_raised_alone() -> None:
    cancelled = asyncio.Event()

    async def other() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async def failing() -> None:
        await asyncio.sleep(0)
        raise ValueError("the first")

    with pytest.raises(ValueError, match="the first"):
        await together(other(), failing())
    assert cancelled.is_set()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_cancellation_lets_each_job_end_in_its_own_time() -> None:
    ended: list[str] = []
    running = {name: asyncio.Event() for name in ("quick", "slow")}
    release = asyncio.Event()

    async def quick() -> None:
        try:
            running["quick"].set()
            await asyncio.Event().wait()
        finally:
            ended.append("quick")
            release.set()

    async def slow() -> None:
        try:
            running["slow"].set()
            await asyncio.Event().wait()
        finally:
            await release.wait()
            await asyncio.sleep(0.01)
            ended.append("slow")

    task = asyncio.create_task(together(slow(), together(quick())))
    for event in running.values():
        await event.wait()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert ended == ["quick", "slow"]
