"""A message says each notice in a line, without words that came from outside."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.headerregistry import Address
from email.policy import SMTP
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from notifications.operators.causes import CauseKind
from notifications.operators.digest import DOCUMENTATION, MAX_SHOWN, Digest, Line
from notifications.operators.mail import counted, notice_letter, subject_of, text_of

ROOT = Path(__file__).parents[4]
AT = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
SENDER = Address(display_name="Shop", username="shop", domain="shop.example")
ID = UUID("6f0f6d0c-38f5-4bd8-9b0a-6a3d4f1c9e27")


def notice(number: int = 1, kind: CauseKind = CauseKind.PARKED_SAGA, **facts: Any) -> Line:  # noqa: ANN401 - any field of a line
    given = {"subject": f"o-{number}", "order_number": None, "detail": "capture: X"} | facts
    return Line(id=number, kind=kind, since=AT, is_reminder=False, **given)


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("kind", CauseKind)
def test_each_kind_leads_to_a_section_of_the_documentation(kind: CauseKind) -> None:
    page, _, anchor = DOCUMENTATION[kind].partition("#")
    assert anchor in anchors(ROOT / page)


@pytest.mark.parametrize(
    ("kind", "subject", "number", "detail", "text"),
    [
        (
            CauseKind.PARKED_SAGA,
            *("o-1", "W-1", "capture: X"),
            "The saga of order W-1 is parked at capture: X.",
        ),
        (
            CauseKind.DISCREPANCY,
            *("o-1", None, "PAYMENT"),
            "The log and another system disagree about order o-1: PAYMENT.",
        ),
        (
            CauseKind.DEAD_LETTERS,
            *("mailer", None, "3"),
            "The consumer group mailer has dead letters: 3.",
        ),
        (
            CauseKind.STOPPED_PROJECTION,
            *("analytics", None, "ProjectionStuck"),
            "The projection analytics takes no events: ProjectionStuck.",
        ),
        (
            CauseKind.PARKED_STREAMS,
            *("analytics", None, "2 (DataError)"),
            "analytics has parked streams: 2 (DataError).",
        ),
    ],
)
def test_each_kind_has_a_sentence(
    kind: CauseKind, subject: str, number: str | None, detail: str, text: str
) -> None:
    line = notice(kind=kind, subject=subject, order_number=number, detail=detail)
    assert line.text == text


def test_a_message_lists_twenty_notices_and_counts_the_others() -> None:
    letters = [notice(100, CauseKind.DEAD_LETTERS), notice(101, CauseKind.DEAD_LETTERS)]
    digest = Digest.of([*(notice(number) for number in range(1, 31)), *letters])
    assert [line.id for line in digest.lines] == list(range(1, MAX_SHOWN + 1))
    assert counted(digest) == "2 groups with dead letters, 30 parked sagas"
    assert "12 more notices are not listed here." in "\n".join(text_of(digest))


def test_a_digest_is_the_same_when_it_is_read_again() -> None:
    digest = Digest.of([notice(1), notice(2, CauseKind.DISCREPANCY)])
    assert Digest.model_validate_json(digest.model_dump_json()) == digest


def test_a_code_with_control_characters_breaks_no_header_and_no_line() -> None:
    digest = Digest.of([notice(detail="capture: X\r\nBcc: eve@example.com\x00\u2028y")])
    letter = notice_letter(digest, "ops@waybill.example", SENDER, ID)
    mail = message_from_bytes(letter.message, policy=SMTP)
    assert mail["Bcc"] is None
    assert mail["Message-ID"] == f"<{ID}@shop.example>"
    assert subject_of(digest).endswith("capture: X Bcc: eve@example.com y")
