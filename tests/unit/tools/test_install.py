from __future__ import annotations

import fcntl
import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tools import install


def test_progress_is_printed_now_and_then_until_all_is_fetched(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = itertools.count(step=2)
    monkeypatch.setattr(time, "monotonic", lambda: float(next(seconds)))
    output = [*(f"Collecting p{n}\n" for n in range(4)), "Installing collected packages\n", "x\n"]

    tail = install._follow(output, 4)

    assert capsys.readouterr().err.splitlines() == [
        "  2 of 4 packages fetched",
        "  4 of 4 packages fetched",
        "  4 packages fetched; installing them, which takes some seconds",
    ]
    assert list(tail) == output


def test_one_package_is_taken_out_of_a_lock_with_its_hashes() -> None:
    of_uv = "uv==2 \\\n    --hash=b \\\n    --hash=c\n"
    lock = f"uuid==1 \\\n    --hash=a\n{of_uv}uvloop==3 \\\n    --hash=d\n"

    assert install.locked(lock, "uv") == of_uv
    assert install.locked(lock, "pip") == ""


def test_a_second_make_waits_and_finds_the_environment_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lock, environment, waits = tmp_path / "a.lock", tmp_path / "made", threading.Event()
    lock.touch()
    monkeypatch.setattr(install, "LOCK", lock)
    monkeypatch.setattr(install, "PROJECT", lock)
    monkeypatch.setattr(install, "_say", lambda _: waits.set())

    with ThreadPoolExecutor() as pool, lock.open() as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        second = pool.submit(install.main, environment)
        assert waits.wait(timeout=10)
        assert not second.done()
        environment.mkdir()
        (environment / "locked").touch()
        (environment / "installed").touch()
        fcntl.flock(first, fcntl.LOCK_UN)

        assert second.result(timeout=10) == 0
    assert sorted(made.name for made in environment.iterdir()) == ["installed", "locked"]
