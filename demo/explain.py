"""Print the page of one order: `python -m demo.explain ID`, with the order's id or number.

`make explain ORDER=id` calls it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TextIO

import httpx
from rich.console import Console

from demo.explain_page import Line, explain_lines
from demo.query import ask
from kit.command import run_command
from settings import Settings, SettingsError, load_settings
from stack.tokens import Role


async def run(settings: Settings, order: str) -> int:
    """Print the page, or the errors of the API; return the exit code."""
    answer = await ask(settings, "Explain", {"orderId": order}, role=Role.OPERATOR)
    for error in answer.get("errors", ()):
        code = error.get("extensions", {}).get("code", "")
        sys.stderr.write(f"explain: {code} {error['message']}\n")
    if answer.get("errors"):
        return 1
    show(explain_lines(answer["data"]["explain"], datetime.now(UTC)), sys.stdout)
    return 0


def show(lines: Iterable[Line], out: TextIO) -> None:
    """Print with colours on a terminal, and as plain text otherwise."""
    if not out.isatty():
        out.writelines(f"{line.text}\n" for line in lines)
        return
    console = Console(file=out, highlight=False)
    for line in lines:
        console.print(line.text, style=line.style or None, markup=False, soft_wrap=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make explain", description=__doc__)
    parser.add_argument("--order", default="", metavar="ID", help="its id or its number")
    order = parser.parse_args(arguments).order
    if not order:
        sys.stderr.write("explain: name the order: make explain ORDER=id, or its number\n")
        return 1
    try:
        return asyncio.run(run(load_settings(), order))
    except SettingsError as error:
        sys.stderr.write(f"explain: {error}\n")
    except (httpx.TransportError, json.JSONDecodeError):
        sys.stderr.write("explain: the API does not answer: start it first, with `make run`\n")
    return 1


if __name__ == "__main__":
    run_command(main)
