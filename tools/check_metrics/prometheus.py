"""Run Debian's Prometheus with our rules, and ask it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import yaml

from kit.eventually import eventually
from kit.local_http import local_client
from tools.check_metrics.expressions import PROMETHEUS

PROGRAMS: Final = ("prometheus", "promtool")
SCRAPE_INTERVAL: Final = "2s"


class Missing(Exception):
    """A program of Debian's package is not on the PATH."""


class Failed(Exception):
    """A program has failed; the message is its output."""


def require_programs() -> None:
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        raise Missing(
            f"{' and '.join(missing)} missing: install Debian's package `prometheus`"
            " (apt-get install --no-install-recommends prometheus)"
        )


async def promtool(*arguments: str) -> None:
    """Raises Failed."""
    process = await asyncio.create_subprocess_exec(
        "promtool",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise Failed(f"promtool {' '.join(arguments)}\n{output.decode()}")


@dataclass(frozen=True, slots=True)
class Prometheus:
    http: httpx.AsyncClient

    async def series(self, selector: str) -> Sequence[Mapping[str, str]]:
        """Return the labels of the series that the selector has matched since the start."""
        found: list[dict[str, str]] = await self._get("series", {"match[]": selector})
        return found

    async def are_up(self, count: int) -> bool:
        """Return whether this many targets have been scraped."""
        answer = await self._get("query", {"query": "count(up == 1)"})
        return bool(answer["result"]) and int(answer["result"][0]["value"][1]) == count

    async def _get(self, what: str, parameters: Mapping[str, str]) -> Any:  # noqa: ANN401 - any JSON
        answer = await self.http.get(f"/api/v1/{what}", params=parameters)
        if answer.is_error:
            raise Failed(f"Prometheus refuses {parameters}: {answer.text}")
        return answer.json()["data"]


@asynccontextmanager
async def running(
    folder: Path, port: int, targets: Mapping[str, Sequence[str]]
) -> AsyncIterator[Prometheus]:
    """Run our configuration with these targets for its jobs, until the end of the block."""
    config = _written(folder, targets)
    address = f"127.0.0.1:{port}"
    arguments = (
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
    )
    process = await asyncio.create_subprocess_exec(
        "prometheus",
        *arguments,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with local_client(base_url=f"http://{address}", timeout=10) as http:
            await eventually(lambda: _answers(http))
            yield Prometheus(http)
    finally:
        process.terminate()
        await process.wait()


def _written(folder: Path, targets: Mapping[str, Sequence[str]]) -> Path:
    folder.mkdir()
    config = folder / "prometheus.yml"
    config.write_text(yaml.safe_dump(rewritten(targets)))
    return config


def rewritten(targets: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return our configuration with static targets and a short interval."""
    config: dict[str, Any] = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": SCRAPE_INTERVAL, "evaluation_interval": SCRAPE_INTERVAL}
    config["rule_files"] = [str(PROMETHEUS / pattern) for pattern in config["rule_files"]]
    jobs = {job["job_name"] for job in config["scrape_configs"]}
    config["scrape_configs"] = [
        {"job_name": name, "static_configs": [{"targets": list(targets[name])}]}
        for name in sorted(jobs & targets.keys())
    ]
    return config


async def _answers(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/-/ready")).is_success
    except httpx.HTTPError:
        return False
