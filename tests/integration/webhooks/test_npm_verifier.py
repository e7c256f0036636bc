"""The verifier for JavaScript accepts what is sent, with either secret while one is rotated.

It runs where `node` and `npm` are on the path, and takes the package `standardwebhooks` from the
registry of npm. The scripts of packages do not run.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from benchmarks.saga.driver import key_use
from tests.integration.webhooks.world import World
from tests.support.webhook_receiver import Received, Receiver

PACKAGE: Final = "standardwebhooks@1.1.1"
NODE: Final = shutil.which("node")
NPM: Final = shutil.which("npm")
VERIFY: Final = """
    const { Webhook } = require("standardwebhooks");
    const { secret, body, headers } = JSON.parse(require("fs").readFileSync(0, "utf8"));
    try { console.log(new Webhook(secret).verify(body, headers).id); }
    catch (error) { console.log(error.message); }
"""


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the verifier, and return the folder in which node finds it."""
    if NODE is None or NPM is None:
        pytest.skip("node and npm are not installed: nothing runs the verifier for JavaScript")
    folder = tmp_path_factory.mktemp("npm")
    options = ("--silent", "--ignore-scripts", "--no-save", "--no-audit", "--no-fund")
    command = [NPM, "install", *options, "--prefix", str(folder), PACKAGE]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)  # noqa: S603 - our own words
    return folder / "node_modules"


async def verified(modules: Path, secret: str, received: Received, body: str | None = None) -> str:
    given = {"secret": secret, "body": body or received.body.decode(), "headers": received.headers}
    process = await asyncio.create_subprocess_exec(
        *(str(NODE), "-e", VERIFY),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={"NODE_PATH": str(modules)},
    )
    output, _ = await process.communicate(json.dumps(given, default=dict).encode())
    return output.decode().strip()


async def test_the_npm_verifier_accepts_both_secrets_and_no_other_body(
    world: World, receiver: Receiver, modules: Path
) -> None:
    webhook = await world.register(receiver.url)
    rotated = await world.registry.rotate(
        webhook.id, key=key_use("rotateWebhookSecret"), must_expire_old=False
    )
    (event_id,) = await world.receive("cup")
    async with world.sending():
        (received,) = await receiver.until(1)
    for secret in (webhook.secret, str(rotated.secret)):
        assert await verified(modules, secret, received) == event_id
        assert await verified(modules, secret, received, "{}") == "No matching signature found"
