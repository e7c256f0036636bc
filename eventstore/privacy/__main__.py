"""`python -m eventstore.privacy rotate`: wrap every subject's key under the current master key."""

from __future__ import annotations

import argparse
import asyncio
import sys

from asyncpg import PostgresError

from eventstore.privacy.keyring import Keyring
from eventstore.privacy.rotation import Progress, count, rotate
from kit.command import run_command
from kit.pool import create_pool
from settings import Settings, SettingsError, load_settings


async def run(settings: Settings) -> int:
    """Return 0 once every key is under the current master key."""
    settings.require("database_url")
    master_keys = Keyring.of(settings, "master_key")
    async with await create_pool(settings.database_url.get_secret_value(), size=2) as pool:
        progress = Progress(0, 0)
        async for progress in rotate(pool, master_keys):
            say(f"{progress.rewrapped} keys rewrapped ...")
        current, total = await count(pool, master_keys)
    for cause in sorted(progress.causes):
        say(f"failed: {cause}")
    say(
        f"{progress.rewrapped} keys rewrapped, {progress.failed} failed; "
        f"{current} of {total} are under master key {master_keys.current_id}"
    )
    return 0 if current == total else 1


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m eventstore.privacy", description=__doc__)
    parser.add_argument("command", choices=["rotate"])
    parser.parse_args()
    try:
        sys.exit(asyncio.run(run(load_settings())))
    except (SettingsError, OSError, PostgresError) as error:
        sys.exit(f"privacy: {error}")


if __name__ == "__main__":
    run_command(main)
