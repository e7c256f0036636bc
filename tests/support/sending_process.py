"""Send webhooks in a process of its own, so that a test can kill it.

    python -m tests.support.sending_process URL MASTER_KEY

With a third argument, the process kills itself after the receiver's answer, before it records it.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import signal
import sys
from collections.abc import Mapping

from eventstore.postgres import PostgresEventStore
from eventstore.privacy.keyring import Keyring
from kit.command import run_command
from kit.pool import create_pool
from notifications.webhooks.client import WebhookClient
from notifications.webhooks.outcome import Answer
from notifications.webhooks.runner import Webhooks


class DyingClient(WebhookClient):
    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        await super().post(url, headers, body)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


async def main(url: str, key: str, *dies: str) -> None:
    logging.basicConfig(level=logging.INFO)
    keys = Keyring(base64.b64decode(key), setting="master_key")
    client = (DyingClient if dies else WebhookClient)(may_be_loopback=True)
    async with await create_pool(url, size=8) as pool:
        logging.info("sending webhooks")
        await Webhooks(pool, PostgresEventStore(pool), keys, client).run()


if __name__ == "__main__":
    run_command(lambda: asyncio.run(main(*sys.argv[1:])))
