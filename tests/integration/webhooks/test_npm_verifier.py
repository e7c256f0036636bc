"""The verifier for JavaScript accepts what is sent, with either secret while one is rotated.

It runs where `node` is on the path and NODE_PATH leads to the npm package `standardwebhooks`.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil

import pytest

from tests.integration.webhooks.world import ACTOR, World
from tests.support.webhook_receiver import Received, Receiver

NODE = shutil.which("node")
VERIFY = """
    const { Webhook } = require("standardwebhooks");
    const { secret, body, headers } = JSON.parse(require("fs").readFileSync(0, "utf8"));
    try { console.log(new Webhook(secret).verify(body, headers).id); }
    catch (error) { console.log(error.message); }
"""

pytestmark = pytest.mark.skipif(
    NODE is None or "NODE_PATH" not in os.environ, reason="there is no npm package standardwebhooks"
)


async def verified(secret: str, received: Received, body: str | None = None) -> str:
    given = {"secret": secret, "body": body or received.body.decode(), "headers": received.headers}
    process = await asyncio.create_subprocess_exec(
        *(str(NODE), "-e", VERIFY),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={"NODE_PATH": os.environ["NODE_PATH"]},
    )
    output, _ = await process.communicate(json.dumps(given, default=dict).encode())
    return output.decode().strip()


async def test_the_npm_verifier_accepts_both_secrets_and_no_other_body(
    world: World, receiver: Receiver
) -> None:
    webhook = await world.register(receiver.url)
    rotated = await world.registry.rotate(webhook.id, actor=ACTOR, key="npm", must_expire_old=False)
    (event_id,) = await world.receive("cup")
    async with world.sending():
        (received,) = await receiver.until(1)
    for secret in (webhook.secret, str(rotated.secret)):
        assert await verified(secret, received) == event_id
        assert await verified(secret, received, "{}") == "No matching signature found"
