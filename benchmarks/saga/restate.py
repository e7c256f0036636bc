"""Install Restate for the benchmarks that are named, start it, and place orders on it.

Its server is a package of npm and its SDK one of Python, each pinned in a lock of its own, because
nothing else needs their 450 MB.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

import httpx

from benchmarks.saga.webhooks import Notification
from benchmarks.saga.world import World
from domain.order.commands import PlaceOrder
from domain.provider_notifications import ShipmentNotification
from providers.http import pooled_client
from stack.errors import MissingToolError
from stack.http import answers
from stack.ports import LOOPBACK, Ports
from stack.processes import ROOT, Program

RESTATE: Final = "restate-service"
SERVER: Final = "restate-server"
_LOCKS: Final = ROOT / "locks" / "restate"
_NODE_LOCK: Final = _LOCKS / "package-lock.json"
_PYTHON_LOCK: Final = _LOCKS / "restate.lock"
_HOME: Final = ROOT / "build" / "restate"
_SDK: Final = _HOME / "python"
_PROGRAM: Final = _HOME / "node_modules" / ".bin" / "restate-server"
_INSTALLED: Final = _HOME / "installed"

_VERSION: Final = json.loads(_NODE_LOCK.read_text())["packages"][
    "node_modules/@restatedev/restate-server"
]["version"]
RESTATE_NAME: Final = f"restate {_VERSION}"


class OnRestate:
    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def place(self, order: PlaceOrder) -> None:
        await self._send(order.aggregate_id, "run", json=order.model_dump_json())

    async def handle_event(self, event: Notification) -> None:
        """Send shipments only: the provider's answer has already settled the payment."""
        if isinstance(event, ShipmentNotification):
            await self._send(event.order_id, event.kind.lower())

    async def _send(self, order_id: str, handler: str, json: str | None = None) -> None:
        url = f"/OrderSaga/{order_id}/{handler}/send"
        (await self._http.post(url, json=json)).raise_for_status()


@asynccontextmanager
async def started_restate(world: World) -> AsyncIterator[OnRestate]:
    _install()
    ports = {name: Ports.free().http_port for name in ("INGRESS", "ADMIN", "NODE", "SERVICE")}
    admin, service = f"http://{LOOPBACK}:{ports['ADMIN']}", f"http://{LOOPBACK}:{ports['SERVICE']}"
    await world.supervisor.start(
        Program(
            name=SERVER,
            command=(str(_PROGRAM), "--no-logo"),
            environment={**world.environment, **_configuration(world, ports)},
            is_ready=answers(f"{admin}/health"),
        )
    )
    await world.supervisor.start(
        Program(
            name=RESTATE,
            command=(
                sys.executable,
                "-m",
                "benchmarks.saga.restate_service",
                f"{ports['SERVICE']}",
            ),
            environment={**world.environment, "PYTHONPATH": str(_SDK)},
            is_ready=answers(f"{service}/health"),
        )
    )
    async with pooled_client() as http:
        (await http.post(f"{admin}/deployments", json={"uri": service})).raise_for_status()
    async with pooled_client(f"http://{LOOPBACK}:{ports['INGRESS']}") as http:
        yield OnRestate(http)


def _configuration(world: World, ports: dict[str, int]) -> dict[str, str]:
    return {
        "RESTATE_BASE_DIR": str(Path(world.environment["WAYBILL_DATA_DIR"]) / "restate"),
        "RESTATE_LISTEN_MODE": "tcp",
        "RESTATE_BIND_ADDRESS": f"{LOOPBACK}:{ports['NODE']}",
        "RESTATE_ADMIN__BIND_ADDRESS": f"{LOOPBACK}:{ports['ADMIN']}",
        "RESTATE_INGRESS__BIND_ADDRESS": f"{LOOPBACK}:{ports['INGRESS']}",
        "RESTATE_LOG_FILTER": "warn",
        "RESTATE_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "1",
    }


def _install() -> None:
    """Install what the locks name, unless it is installed. Raises MissingToolError."""
    wanted = sha256(_NODE_LOCK.read_bytes() + _PYTHON_LOCK.read_bytes()).hexdigest()
    if _INSTALLED.exists() and _INSTALLED.read_text() == wanted:
        return
    npm = shutil.which("npm")
    if npm is None:
        raise MissingToolError("npm", "npm")
    shutil.rmtree(_HOME, ignore_errors=True)
    _HOME.mkdir(parents=True)
    for lock in (_LOCKS / "package.json", _NODE_LOCK):
        shutil.copy(lock, _HOME)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    for command in (
        (npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"),
        (*pip, "--no-deps", "--require-hashes", "--target", str(_SDK), "-r", str(_PYTHON_LOCK)),
    ):
        subprocess.run(command, cwd=_HOME, check=True)  # noqa: S603 - our own locks
    _INSTALLED.write_text(wanted)
