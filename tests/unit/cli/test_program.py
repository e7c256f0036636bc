"""The program as a process: quick to start, quiet at its end, plain where nothing draws."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from stack.processes import ROOT
from tests.support.scripted_api import Reply, ScriptedApi, connection, data, scripted_api
from tests.unit.cli.running import TOKEN
from tests.unit.cli.test_lists import FIRST, SECOND
from tests.unit.cli.test_tailing import page

# typer itself checks options with pydantic.
HEAVY = (
    *("httpx", "websockets", "jwt", "cryptography", "rich", "asyncio", "ssl"),
    *("graphql", "strawberry", "sqlalchemy", "temporalio", "settings"),
)
LOADED = "import sys; from cli.__main__ import main; main(sys.argv[1:]); print(*sys.modules)"
TIMEOUT_SECONDS = 60


def environment(**changes: str) -> dict[str, str]:
    path = f"{ROOT}:{ROOT / 'graphql'}"
    return {"PYTHONPATH": path, "PATH": os.environ["PATH"], "TERM": "xterm-256color", **changes}


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with scripted_api(data(connection([FIRST, SECOND]))) as served:
        yield served


def command(api: ScriptedApi, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "cli", "--url", api.url, "--token", TOKEN, *arguments]


def on_a_terminal(
    arguments: list[str], given: Mapping[str, str], typed: str = ""
) -> tuple[int, str]:
    """Run the command on a terminal of its own; return its exit code and what that shows."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        arguments, env=given, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as process:
        os.close(theirs)
        os.write(ours, typed.encode())
        shown = b""
        with suppress(OSError):  # the terminal is gone with its last process
            while part := os.read(ours, 4096):
                shown += part
        os.close(ours)
    return process.returncode, shown.decode()


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["orders", "--help"], ["sagas", "retry", "--help"], ["events", "tail", "--help"]],
    ids=" ".join,
)
def test_help_loads_no_heavy_module(arguments: list[str]) -> None:
    ran = subprocess.run(  # noqa: S603 - our own interpreter, our own words
        [sys.executable, "-c", LOADED, *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=TIMEOUT_SECONDS,
    )
    loaded = ran.stdout.splitlines()[-1].split()
    assert "cli.commands.orders" in loaded
    assert set(HEAVY) & set(loaded) == set()
    assert "Example: waybill" in ran.stdout or arguments == ["orders", "--help"]


def test_a_list_is_drawn_on_a_terminal_and_plain_without_colour(api: ScriptedApi) -> None:
    arguments = command(api, "orders", "list")

    code, drawn = on_a_terminal(arguments, environment(COLUMNS="120"))
    assert code == 0
    assert "\x1b[1m" in drawn
    assert "W-22" in drawn

    for plain in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        code, shown = on_a_terminal(arguments, environment(**plain))
        assert code == 0
        assert "\x1b" not in shown
        assert "W-22" in shown


def test_a_change_is_made_after_a_yes_and_not_after_a_no() -> None:
    letter = {"action": {}, "letter": {"state": "RETRYING"}, "userErrors": []}
    with scripted_api(data(letter)) as api:
        arguments = command(api, "dead-letters", "redrive", "17")
        code, shown = on_a_terminal(arguments, environment(), "n\n")
        assert (code, api.requests) == (1, [])
        assert "nothing was changed" in shown
        code, shown = on_a_terminal(arguments, environment(), "y\n")
        assert (code, [request["variables"] for request in api.requests]) == (0, [{"id": "17"}])
        assert "Redrive the dead letter 17?" in shown
        assert "The dead letter 17 is RETRYING." in shown


def test_ctrl_c_ends_a_tail_quietly(tmp_path: Path) -> None:
    with scripted_api(page(1), page()) as api:
        tail = subprocess.Popen(  # noqa: S603 - our own interpreter
            command(api, "events", "tail", "--follow", "--after", "start", "--json"),
            env=environment(),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert tail.stdout
        first = json.loads(tail.stdout.readline())
        tail.send_signal(2)
        out, err = tail.communicate(timeout=TIMEOUT_SECONDS)
    assert (first["positionNumber"], tail.returncode, out, err) == (1, 130, "", "")


def test_a_reader_that_goes_away_ends_a_tail_quietly() -> None:
    with scripted_api(*(page(n) for n in range(1, 4))) as api:
        tail = subprocess.Popen(  # noqa: S603 - our own interpreter
            command(api, "events", "tail", "--follow", "--after", "start", "--every", "0.1"),
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with tail:
            assert tail.stdout
            assert tail.stderr
            assert tail.stdout.readline().endswith(b"\n")
            tail.stdout.close()
            assert tail.wait(TIMEOUT_SECONDS) == 141
            assert tail.stderr.read() == b""


def test_an_output_that_cannot_be_written_is_an_error(api: ScriptedApi) -> None:
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(  # noqa: S603 - our own interpreter
            command(api, "orders", "list", "--json"),
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=TIMEOUT_SECONDS,
        )
    assert ran.returncode == 1
    assert ran.stderr == ("waybill: the output cannot be written: No space left on device\n")


def test_texts_that_the_output_cannot_encode_are_escaped() -> None:
    listed = {"sku": "tea", "name": "緑茶", "price": {"amount": 1, "currency": "JPY"}}
    product = {**listed, "available": 1, "discontinued": False}
    with scripted_api(data(connection([product]))) as api:
        ran = subprocess.run(  # noqa: S603 - our own interpreter
            command(api, "products", "list"),
            env=environment(PYTHONIOENCODING="ascii"),
            capture_output=True,
            text=True,
            check=True,
            timeout=TIMEOUT_SECONDS,
        )
    assert r"\u7dd1\u8336" in ran.stdout


def test_the_shell_completes_commands() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "cli"],
        env=environment(
            _WAYBILL_COMPLETE="complete_bash", COMP_WORDS="waybill sagas re", COMP_CWORD="2"
        ),
        capture_output=True,
        text=True,
        check=True,
        timeout=TIMEOUT_SECONDS,
    )
    assert ran.stdout.split() == ["resolve", "retry"] or ran.stdout.split() == ["retry", "resolve"]


def test_no_reply_of_the_api_and_no_fault_prints_the_token() -> None:
    with scripted_api(Reply("<html></html>", 502)) as api:
        ran = subprocess.run(  # noqa: S603 - our own interpreter
            command(api, "orders", "list"),
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_SECONDS,
        )
    assert ran.returncode == 3
    assert TOKEN not in ran.stdout + ran.stderr
