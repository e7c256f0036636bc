"""Send push messages in a process of its own, so that a test can kill it.

python -m tests.support.push_worker URL MASTER_KEY SEARCH_KEY
"""

from __future__ import annotations

import asyncio
import logging
import sys
from dataclasses import replace
from datetime import timedelta

from eventstore.privacy.keyring import Keyring
from eventstore.privacy.search_key import SearchKey
from eventstore.privacy.vault import Vault
from kit.command import run_command
from kit.pool import create_pool
from tests.support.push import QUICK, Pushing

LEASE = timedelta(seconds=6)


async def main(url: str, master_key: str, search_key: str) -> None:
    logging.basicConfig(level=logging.INFO)
    async with await create_pool(url, size=12) as pool:
        vault = Vault(pool, Keyring(bytes.fromhex(master_key), setting="master_key"))
        pace = replace(QUICK, lease=LEASE, attempt_timeout=LEASE * 0.8, max_attempts=1000)
        key = SearchKey(bytes.fromhex(search_key))
        await Pushing(pool, vault, key, pace, answer_timeout=4).run()


if __name__ == "__main__":
    run_command(lambda: asyncio.run(main(*sys.argv[1:])))
