"""Fill or compare the blocks of docs/CLI.md: `python -m tools.cli_reference [--check]`.

The commands, their options and their examples are those of the program `waybill`. The rest of
docs/CLI.md is edited there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import IntEnum
from typing import Any, Final

import typer

from cli.advice import ADVICE
from cli.app import app
from cli.errors import ExitCode
from kit.command import run_command
from stack.processes import ROOT
from tools.generated_blocks import write_or_check

FILE: Final = ROOT / "docs" / "CLI.md"
EXAMPLE: Final = "Example: "
MEANINGS: Final = {
    ExitCode.OK: "The command has done what was asked.",
    ExitCode.REFUSED: "The service has refused it, with a code; it is not ready; or you declined.",
    ExitCode.USAGE: "The options are wrong, or there is no token. Nothing was sent.",
    ExitCode.UNREACHABLE: "The service, or a server that it needs, does not answer in time.",
    ExitCode.NOT_FOUND: "There is no such object, or the token may not see it.",
    ExitCode.INTERRUPTED: "You have pressed Ctrl-C.",
    ExitCode.BROKEN_PIPE: "The reader of the output has gone, as `head` does.",
}

Command = Any
"""A command of click, which typer carries without a public name."""


class NoExample(Exception):
    """A command has no example in its help."""


def blocks() -> dict[str, str]:
    root = typer.main.get_command(app)
    return {
        "options": _table(_options(root)),
        "exit-codes": _codes(),
        "advice": _advice(),
        "commands": "\n\n".join(_commands(root, "waybill")),
    }


def leaves(command: Command, path: str) -> Iterator[tuple[str, Command]]:
    """Yield each command that does something, with the words that call it."""
    for name, part in sorted(getattr(command, "commands", {}).items()):
        if hasattr(part, "commands"):
            yield from leaves(part, f"{path} {name}")
        else:
            yield f"{path} {name}", part


def example_of(path: str, command: Command) -> str:
    """Return the example of a command. Raises NoExample."""
    epilog = command.epilog or ""
    if not epilog.startswith(EXAMPLE):
        raise NoExample(f"{path} has no example: give it an epilog that begins with {EXAMPLE!r}")
    return str(epilog.removeprefix(EXAMPLE))


def _commands(root: Command, name: str) -> Iterator[str]:
    for path, command in leaves(root, name):
        yield f"### {path}"
        yield "\n\n".join(" ".join(part.split()) for part in command.help.split("\n\n"))
        yield f"```sh\n{example_of(path, command)}\n```"
        if rows := list(_options(command)):
            yield _table(iter(rows))


def _options(command: Command) -> Iterator[tuple[str, str]]:
    context = command.make_context(command.name, [], resilient_parsing=True)
    for parameter in command.get_params(context):
        if parameter.name not in {"help", "install_completion", "show_completion"}:
            name, meaning = parameter.get_help_record(context)
            yield f"`{name.replace(' <str>', '')}`", meaning.replace("  [", " [")


def _table(rows: Iterator[tuple[str, str]]) -> str:
    lines = [f"| {name} | {meaning} |" for name, meaning in rows]
    return "\n".join(["| option | meaning |", "| --- | --- |", *lines])


def _codes() -> str:
    codes: list[IntEnum] = list(ExitCode)
    rows = [f"| {int(code)} | {MEANINGS[ExitCode(code)]} |" for code in codes]
    return "\n".join(["| exit code | meaning |", "| --- | --- |", *rows])


def _advice() -> str:
    rows = [f"| `{code}` | {advice}. |" for code, advice in sorted(ADVICE.items())]
    return "\n".join(["| code | what to do |", "| --- | --- |", *rows])


def main(arguments: list[str]) -> int | str:
    try:
        return write_or_check(FILE, blocks(), "tools.cli_reference", arguments)
    except NoExample as missing:
        return str(missing)


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))
