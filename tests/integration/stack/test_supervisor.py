from __future__ import annotations

import asyncio
import fcntl
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from kit.eventually import eventually
from stack import guardian_process
from stack.errors import ProcessFailedError
from stack.ports import Ports
from stack.processes import ROOT, Child, Program, Tier
from stack.supervisor import supervised

FOREVER = "exec sleep 600"


def shell(name: str, script: str, tier: Tier = Tier.SERVICE) -> Program:
    return Program(name=name, command=("/bin/sh", "-c", script), tier=tier, stop_within=0.3)


async def test_a_program_that_ends_at_its_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    async def never(_pid: int) -> bool:
        return False

    program = Program(
        name="broken", command=("/bin/sh", "-c", "echo no such colour; exit 3"), is_ready=never
    )
    with pytest.raises(ProcessFailedError) as caught:
        async with supervised(tmp_path) as supervisor:
            await supervisor.start(program)
    assert str(caught.value) == (
        "broken ended with exit code 3 at its start; its log ends: no such colour"
    )


async def test_a_program_that_is_never_ready_is_stopped_after_its_time(tmp_path: Path) -> None:
    async def never(_pid: int) -> bool:
        return False

    program = Program(
        name="mute",
        command=("/bin/sh", "-c", f"echo $$ > {tmp_path}/pid; {FOREVER}"),
        is_ready=never,
        ready_within=0.5,
    )
    with pytest.raises(ProcessFailedError, match=r"mute was not ready in 0\.5 s"):
        async with supervised(tmp_path) as supervisor:
            await supervisor.start(program)
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


async def test_a_service_that_dies_is_started_again_with_a_notice(tmp_path: Path) -> None:
    notices: list[str] = []
    async with supervised(tmp_path, notices.append) as supervisor:
        child = await supervisor.start(shell("worker-1", FOREVER))
        first = child.pid
        async with supervisor.watching():
            child.kill()
            await eventually(lambda: child.pid != first)
        assert psutil.pid_exists(child.pid)
    assert len(notices) == 1
    assert notices[0].startswith("worker-1 ended with exit code -9; starting it again in 0.5 s")


async def test_what_is_ready_and_what_is_done_is_reported_as_progress(tmp_path: Path) -> None:
    progress: list[str] = []
    async with supervised(tmp_path, show_progress=progress.append) as supervisor:
        await supervisor.start(shell("api", FOREVER))
        await supervisor.succeed(shell("migrate", "exit 0"))
    assert [re.sub(r"[\d.]+ s", "n s", line) for line in progress] == [
        *("api is ready (n s)", "migrate is done (n s)"),
    ]


async def test_a_server_that_dies_ends_everything(tmp_path: Path) -> None:
    async with supervised(tmp_path) as supervisor:
        server = await supervisor.start(shell("database", FOREVER, Tier.SERVER))
        service = await supervisor.start(shell("api", FOREVER))
        server.kill()
        with pytest.raises(ProcessFailedError, match="database ended with exit code -9"):
            async with supervisor.watching():
                await asyncio.Event().wait()
    assert not psutil.pid_exists(service.pid)


async def test_services_stop_before_the_servers_they_use(tmp_path: Path) -> None:
    order = tmp_path / "order"
    async with supervised(tmp_path) as supervisor:
        for tier in Tier:
            trap = f"trap 'echo {tier.name} >> {order}; exit' TERM; echo up; sleep 600 & wait"
            child = await supervisor.start(shell(tier.name, trap, tier))
            await eventually(lambda log=child.log: "up" in log.read_text())  # type: ignore[misc]
    assert order.read_text().split() == ["SERVICE", "SIMULATOR", "SERVER"]


async def test_a_program_that_ignores_the_request_to_stop_is_killed(tmp_path: Path) -> None:
    async with supervised(tmp_path) as supervisor:
        child = await supervisor.start(shell("stubborn", "trap '' TERM; echo up; sleep 600"))
        await eventually(lambda: "up" in child.log.read_text())
        group = [child.pid, *(p.pid for p in psutil.Process(child.pid).children())]
    assert await child.wait() == -signal.SIGKILL
    assert not any(_runs(pid) for pid in group)


async def test_a_full_log_is_put_aside(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "chatty.log"
    log.parent.mkdir()
    log.write_bytes(b"x" * 8_000_001)
    async with supervised(tmp_path) as supervisor:
        await supervisor.succeed(shell("chatty", "echo anew"))
    assert log.read_text() == "anew\n"
    assert log.with_suffix(".log.1").stat().st_size == 8_000_001


async def test_the_guardian_kills_what_ignores_its_signal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guardian_process, "GRACE_SECONDS", 0.1)
    async with supervised(tmp_path) as supervisor:
        child = await supervisor.start(shell("stubborn", "trap '' TERM; echo up; sleep 600"))
        await eventually(lambda: "up" in child.log.read_text())
        await asyncio.to_thread(guardian_process.end, {child.pid: signal.SIGTERM})
        assert await child.wait() == -signal.SIGKILL


LOOPS = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])


@LOOPS
async def test_no_child_outlives_a_killed_stack(tmp_path: Path, loop: str) -> None:
    async with stack_of_one(tmp_path, loop) as (stack, child):
        stack.kill()
        await eventually(lambda: not _runs(child))


@LOOPS
async def test_a_child_inherits_no_file_of_the_stack(tmp_path: Path, loop: str) -> None:
    async with stack_of_one(tmp_path, loop) as (_, child):
        # The child is the shell that reports it to the guardian, until the program writes; then
        # it becomes `sleep`, which opens and closes libraries while it starts.
        await eventually(lambda: "up" in (tmp_path / "data/logs/child.log").read_text())
        await eventually(lambda: _files_of(child) == {"0", "1", "2"}, 10)


async def test_no_child_outlives_a_stack_that_is_killed_while_it_starts(tmp_path: Path) -> None:
    data = tmp_path / "data"
    environment = {n: v for n, v in os.environ.items() if not n.startswith("WAYBILL_")}
    stack = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "stack", "run"),
        cwd=ROOT,
        env=environment | Ports.free().as_environment() | {"WAYBILL_DATA_DIR": str(data)},
        stdout=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    await eventually(lambda: len(_on(data)) > 2)
    stack.kill()
    await stack.wait()
    async with supervised(data):
        assert _on(data) == set()


async def test_a_killed_stack_holds_its_folder_until_its_last_child_has_ended(
    tmp_path: Path,
) -> None:
    may_end = tmp_path / "may_end"
    busy = f"echo asked; until [ -e {may_end} ]; do sleep 0.01; done; exit"
    async with stack_of_one(tmp_path, script=f"trap '{busy}' TERM; echo up; sleep 600 & wait") as (
        stack,
        child,
    ):
        log, data = tmp_path / "data/logs/child.log", tmp_path / "data"
        await eventually(lambda: "up" in log.read_text())
        stack.kill()
        await stack.wait()
        await eventually(lambda: "asked" in log.read_text())
        assert _is_held(data / "lock")
        may_end.touch()
        async with supervised(data):
            assert not _runs(child)


_STACK_OF_ONE = """
import asyncio, sys
from importlib import import_module
from pathlib import Path
from stack.processes import Program
from stack.supervisor import supervised
from kit.eventually import eventually

async def main():
    async with supervised(Path(sys.argv[1])) as supervisor:
        child = await supervisor.start(Program("child", ("/bin/sh", "-c", sys.argv[3])))
        print("child", child.pid, flush=True)
        await asyncio.Event().wait()

import_module(sys.argv[2]).run(main())
"""


@asynccontextmanager
async def stack_of_one(
    tmp_path: Path, loop: str = "asyncio", script: str = f"echo up; {FOREVER}"
) -> AsyncIterator[tuple[Child, int]]:
    """Start a process that supervises one child, which runs the script, on the folder `data`.

    Yield the process and the child's id.
    """
    source = tmp_path / "stack_of_one.py"
    source.write_text(_STACK_OF_ONE)
    program = Program(
        name="stack",
        command=(sys.executable, str(source), str(tmp_path / "data"), loop, script),
        environment=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    async with supervised(tmp_path / "outer") as supervisor:
        stack = await supervisor.start(program)
        await eventually(lambda: "child" in stack.log.read_text())
        child = int(stack.log.read_text().split()[1])
        assert _runs(child)
        yield stack, child


def _is_held(lock: Path) -> bool:
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _files_of(pid: int) -> set[str]:
    return {file.name for file in Path(f"/proc/{pid}/fd").iterdir()}


def _on(data: Path) -> set[int]:
    """Return the processes that were started on this data folder, except the stack itself."""
    return {
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if any(str(data) in argument for argument in process.info["cmdline"] or ())
        and _runs(process.pid)
    }


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
