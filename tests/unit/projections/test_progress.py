"""The progress of a long command, without a terminal."""

from __future__ import annotations

import sys

import pytest

from projections.progress import lines, shown_progress


def test_a_line_is_written_when_a_minute_has_passed() -> None:
    written: list[str] = []
    times = iter([0.0, 59.9, 60.0, 119.9, 120.0])
    progress = lines(written.append, "rebuilding orders", lambda: next(times))
    for events in (500, 1000, 1500, 2000):
        progress(events, 9000)
    assert written == [
        "rebuilding orders: 1000 of 9000, about 480 s left",
        "rebuilding orders: 2000 of 9000, about 420 s left",
    ]


def test_a_terminal_gets_a_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with shown_progress() as progress:
        progress(500, 1000)
    output, errors = capsys.readouterr()
    assert output == ""
    assert "replaying the log" in errors
    assert "50%" in errors


def test_a_process_without_a_terminal_writes_nothing_at_first(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with shown_progress() as progress:
        progress(500, 1000)
    assert capsys.readouterr() == ("", "")
