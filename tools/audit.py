"""Look for known vulnerabilities in the locked packages: `python -m tools.audit`.

pip-audit requests the advisories from the package index. If the index serves none, one line reports
this and the check passes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kit.command import run_command

LOCK: Final = Path(__file__).resolve().parent.parent / "locks" / "development.lock"
TIMEOUT_SECONDS: Final = 120.0


@dataclass(frozen=True)
class Audit:
    asked: int
    unanswered: int
    vulnerable: tuple[str, ...]
    """The vulnerable packages, each as `name version: advisory, fixed in versions`."""

    @property
    def verdict(self) -> str:
        if self.vulnerable:
            return "\n".join(self.vulnerable)
        if self.unanswered:
            unanswered = f"{self.unanswered} of {self.asked} locked packages"
            return f"not audited: the package index has no advisories on {unanswered}"
        return f"{self.asked} locked packages have no known vulnerability"


def main() -> int:
    try:
        answer = _ask()
    except subprocess.TimeoutExpired:
        return _say(f"not audited: the package index did not answer in {TIMEOUT_SECONDS:g} s")
    try:
        audit = read(answer.stdout)
    except (ValueError, KeyError):
        return _say(f"not audited: {answer.stderr.strip().splitlines()[-1:]}")
    _say(audit.verdict)
    return 1 if audit.vulnerable else 0


def read(report: str) -> Audit:
    """Read pip-audit's report in JSON. Raises ValueError or KeyError for any other text."""
    packages = json.loads(report)["dependencies"]
    unanswered = sum("skip_reason" in package for package in packages)
    return Audit(len(packages), unanswered, tuple(_advisories(packages)))


def _advisories(packages: Iterable[dict[str, object]]) -> Iterable[str]:
    for package in packages:
        found = package.get("vulns")
        for advisory in found if isinstance(found, list) else ():
            fixed = ", ".join(advisory["fix_versions"]) or "no version yet"
            yield f"{package['name']} {package['version']}: {advisory['id']}, fixed in {fixed}"


def _ask() -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(LOCK)]
    options = ["--disable-pip", "--require-hashes", "--progress-spinner=off", "--format=json"]
    return subprocess.run(  # noqa: S603 - our own words
        [*command, *options], capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS
    )


def _say(text: str) -> int:
    sys.stdout.write(f"{text}\n")
    return 0


if __name__ == "__main__":
    run_command(main)
