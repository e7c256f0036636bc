from __future__ import annotations

import asyncio
import base64
import os
import secrets
import sys

from kit.pool import Pool
from stack.processes import ROOT


async def test_a_worker_logs_lost_checkpoints_at_its_start(database_url: str, pool: Pool) -> None:
    await pool.execute("INSERT INTO eventstore.checkpoint (name, position) VALUES ('relay', 7)")
    environment = {
        "PATH": os.environ["PATH"],
        "WAYBILL_DATABASE_URL": database_url,
        "WAYBILL_MASTER_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "worker.py", "--roles", "head"),
        cwd=ROOT,
        env=environment,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    async with asyncio.timeout(20):
        line = (await process.stderr.readline()).decode()
        process.terminate()
        await process.communicate()

    assert line.endswith(
        "checkpoint relay is at position 7, which the log has lost (it has drawn 0): set it right"
        " with `python -m eventstore.checkpoints set-right --name relay`\n"
    )
    assert " WARNING eventstore.checkpoint " in line
