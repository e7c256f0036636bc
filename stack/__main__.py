"""Run the command line of the embedded stack. The Makefile calls it."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import timedelta

from kit.command import run_command
from settings import Environment, Settings, SettingsError, load_settings
from settings_checks import check
from stack.clean_data import clean_data
from stack.errors import StackError
from stack.run import demo, run
from stack.tokens import LIFETIME, role_of, token
from stored_format import OtherStoredFormatError


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return _dispatch(options)
    except (StackError, SettingsError, OtherStoredFormatError) as error:
        sys.stderr.write(f"waybill: {error}\n")
    except OSError as error:
        # A failed write names no file; the stack writes to its data folder only.
        where = error.filename or load_settings().data_dir
        sys.stderr.write(f"waybill: {where}: {error.strerror}\n")
    return 1


def _dispatch(options: argparse.Namespace) -> int:
    settings = load_settings()
    if options.command == "token":
        role = role_of(options.role)
        check(settings, "jwt_secret")
        secret, lifetime = settings.jwt_secret.get_secret_value(), timedelta(hours=options.hours)
        sys.stdout.write(f"{token(secret, role, options.sub, lifetime)}\n")
        return 0
    _require_development(settings)
    if options.command == "clean-data":
        sys.stdout.write(f"{clean_data(settings.data_dir, options.yes)}\n")
        return 0
    start = demo if options.command == "demo" else run
    return asyncio.run(start(settings, options.workers, options.end_with_parent))


def _require_development(settings: Settings) -> None:
    if settings.environment is not Environment.DEVELOPMENT:
        raise SettingsError(
            f"WAYBILL_ENVIRONMENT is {settings.environment}, and the embedded stack is for "
            "development: unset it, or use docker-compose.yml"
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("run", "run the whole service on loopback until Ctrl-C; its data stays for the next run"),
        ("demo", "run the service, drive the demonstration, exit with its code"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--workers", type=_count, default=1, help="worker processes (1)")
        command.add_argument(
            "--end-with-parent", action="store_true", help="stop when the caller is gone"
        )
    text = "clear the data folder of the embedded stack, after asking"
    command = commands.add_parser("clean-data", help=text, description=text)
    command.add_argument("--yes", action="store_true", help="do not ask")
    text = "print a JWT for the embedded service"
    command = commands.add_parser("token", help=text, description=text)
    command.add_argument("--role", required=True, help="customer, operator or admin")
    command.add_argument("--sub", help="whose token it is (demo-<role>)")
    hours = LIFETIME / timedelta(hours=1)
    command.add_argument(
        "--hours", type=float, default=hours, help=f"how long it holds ({hours:g})"
    )
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 32:  # noqa: PLR2004 - said in the message
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 32")
    return int(text)


if __name__ == "__main__":
    run_command(main)
