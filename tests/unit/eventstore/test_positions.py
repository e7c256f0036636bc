from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from eventstore import positions
from eventstore.positions import MAX_POSITION, BadPosition, PositionCodec
from eventstore.privacy.keyring import Keyring
from settings import Settings

OLD, NEW, FOREIGN = (bytes(range(first, first + 32)) for first in (0, 32, 64))
POSITIONS = st.integers(0, MAX_POSITION)


def codec(current: bytes, *retired: bytes) -> PositionCodec:
    return PositionCodec(Keyring(current, retired, setting="payload_key"))


CODEC = codec(OLD)
SEALED = CODEC.seal(761)


@given(POSITIONS)
def test_a_sealed_position_opens_again(position: int) -> None:
    text = CODEC.seal(position)

    assert CODEC.open(text) == position
    assert len(text) == 32


def test_every_process_with_the_same_key_gives_a_position_the_same_text() -> None:
    assert SEALED == codec(OLD).seal(761) == "8sjxoJ4aepFYEFXFPB-q0z5p-B8U7nH7"


def test_sealed_neighbours_have_nothing_in_common() -> None:
    texts = [CODEC.seal(position) for position in range(1000)]

    assert len({text[:6] for text in texts}) == 1000
    assert texts != sorted(texts)


@pytest.mark.parametrize("index", range(32))
def test_a_sealed_text_with_a_changed_character_does_not_open(index: int) -> None:
    other = "A" if SEALED[index] != "A" else "B"

    with pytest.raises(BadPosition):
        CODEC.open(SEALED[:index] + other + SEALED[index + 1 :])


@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]{32}", fullmatch=True))
def test_a_forged_text_does_not_open(text: str) -> None:
    with pytest.raises(BadPosition):
        CODEC.open(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "761", f"{761:016x}", SEALED + "=", SEALED + "\n", SEALED[:-1], " " + SEALED),
        base64.urlsafe_b64encode(b"order:761").decode(),
        codec(FOREIGN).seal(761),
        CODEC.seal(761, "order cursor"),
    ],
)
def test_a_foreign_text_does_not_open(text: str) -> None:
    with pytest.raises(BadPosition):
        CODEC.open(text)


def test_a_cursor_opens_in_its_own_list_only() -> None:
    cursor = CODEC.seal(761, "order cursor")

    assert CODEC.open(cursor, "order cursor") == 761
    with pytest.raises(BadPosition):
        CODEC.open(cursor, "parked cursor")
    with pytest.raises(BadPosition):
        CODEC.open(SEALED, "order cursor")


def test_a_retired_key_still_opens_and_no_longer_seals() -> None:
    rotated = codec(NEW, OLD)

    assert rotated.open(SEALED) == 761
    assert rotated.seal(761) == codec(NEW).seal(761) != SEALED
    with pytest.raises(BadPosition):
        codec(NEW).open(SEALED)


def test_the_keys_are_those_of_the_settings(tmp_path: Path) -> None:
    new, old = (SecretStr(base64.b64encode(key).decode()) for key in (NEW, OLD))
    settings = Settings(_env_file=tmp_path / "none", payload_key=new, retired_payload_keys=old)

    rotated = PositionCodec.of(settings)

    assert rotated.open(SEALED) == 761
    assert rotated.seal(761) == codec(NEW).seal(761)


@pytest.mark.parametrize("text", ["761", SEALED])
def test_an_operator_gives_a_position_in_either_form(text: str) -> None:
    assert CODEC.number(text) == 761


@pytest.mark.parametrize("text", ["-1", str(MAX_POSITION + 1), "1" * 20, "7.0", "٣", SEALED[1:]])
def test_a_text_in_neither_form_is_refused(text: str) -> None:
    with pytest.raises(BadPosition):
        CODEC.number(text)


def with_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *arguments: str) -> None:
    key = SecretStr(base64.b64encode(OLD).decode())
    settings = Settings(_env_file=tmp_path / "none", payload_key=key)
    monkeypatch.setattr(positions, "load_settings", lambda: settings)
    monkeypatch.setattr("sys.argv", ["positions", *arguments])


@pytest.mark.parametrize("text", ["761", SEALED])
def test_the_command_prints_both_forms(
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with_key(monkeypatch, tmp_path, text)

    positions.main()

    assert capsys.readouterr().out == f"761 {SEALED}\n"


def test_the_command_refuses_what_is_no_position(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with_key(monkeypatch, tmp_path, "soon")

    with pytest.raises(SystemExit, match=r"^position: this is no position of the log"):
        positions.main()
