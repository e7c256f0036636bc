from __future__ import annotations

import json

import pytest

from tools.audit import read

SOUND = {"name": "idna", "version": "3.11", "vulns": []}
SKIPPED = {"name": "uvloop", "skip_reason": "not found"}
VULNERABLE = {
    "name": "jinja2",
    "version": "2.4.1",
    "vulns": [{"id": "PYSEC-2014-8", "fix_versions": ["2.7.2"]}, {"id": "X-1", "fix_versions": []}],
}


@pytest.mark.parametrize(
    ("packages", "verdict"),
    [
        ([SOUND, SOUND], "2 locked packages have no known vulnerability"),
        (
            [SOUND, SKIPPED],
            "not audited: the package index has no advisories on 1 of 2 locked packages",
        ),
        (
            [SOUND, SKIPPED, VULNERABLE],
            (
                "jinja2 2.4.1: PYSEC-2014-8, fixed in 2.7.2\n"
                "jinja2 2.4.1: X-1, fixed in no version yet"
            ),
        ),
    ],
)
def test_an_audit_reports_findings_and_unchecked_packages(
    packages: list[object], verdict: str
) -> None:
    assert read(json.dumps({"dependencies": packages})).verdict == verdict


@pytest.mark.parametrize("report", ["", "[]", "{}", "no JSON"])
def test_an_invalid_report_is_refused(report: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        read(report)
