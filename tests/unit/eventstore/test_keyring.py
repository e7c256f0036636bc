from __future__ import annotations

import base64
from typing import Final

import pytest
from pydantic import SecretStr

from eventstore.privacy.errors import Tampered, UnknownKey
from eventstore.privacy.keyring import Encrypted, Keyring, key_id_of
from settings import Settings, SettingsError

OLD: Final = bytes(range(32))
NEW: Final = bytes(range(32, 64))
OLDEST: Final = bytes(range(64, 96))
RING: Final = Keyring(NEW, [OLD], setting="master_key")


def text(key: bytes) -> SecretStr:
    return SecretStr(base64.b64encode(key).decode())


def test_an_encrypted_text_opens_and_never_repeats() -> None:
    first, second = (RING.encrypt(b"clear", b"context") for _ in range(2))
    assert first.data != second.data
    assert b"clear" not in first.data
    assert RING.decrypt(first, b"context") == RING.decrypt(second, b"context") == b"clear"


def test_the_current_key_encrypts_and_a_retired_key_still_decrypts() -> None:
    before = Keyring(OLD, setting="master_key").encrypt(b"clear")
    assert before.key_id == key_id_of(OLD)
    assert RING.encrypt(b"clear").key_id == key_id_of(NEW)
    assert RING.decrypt(before) == b"clear"


def test_a_key_that_is_gone_is_named_with_the_setting_it_belongs_in() -> None:
    with pytest.raises(UnknownKey, match="add it to WAYBILL_RETIRED_MASTER_KEYS") as caught:
        Keyring(OLD, setting="master_key").decrypt(RING.encrypt(b"clear"))
    assert caught.value.key_id == key_id_of(NEW)


@pytest.mark.parametrize("position", [0, 12, -1])
def test_a_changed_bit_is_noticed(position: int) -> None:
    key_id, data = RING.encrypt(b"clear")
    changed = bytearray(data)
    changed[position] ^= 1
    with pytest.raises(Tampered):
        RING.decrypt(Encrypted(key_id, bytes(changed)))


@pytest.mark.parametrize("length", [0, 5, 12, 20])
def test_a_ciphertext_cut_short_is_noticed(length: int) -> None:
    key_id, data = RING.encrypt(b"clear")
    with pytest.raises(Tampered):
        RING.decrypt(Encrypted(key_id, data[:length]))


def test_a_ciphertext_in_another_place_does_not_open() -> None:
    with pytest.raises(Tampered):
        RING.decrypt(RING.encrypt(b"clear", b"here"), b"there")


def test_a_keys_id_reveals_nothing_of_the_key() -> None:
    assert len(key_id_of(OLD)) == 16
    assert key_id_of(OLD) not in OLD.hex()


def test_a_ring_is_made_of_the_settings() -> None:
    settings = Settings(
        _env_file=None,
        master_key=text(NEW),
        retired_master_keys=SecretStr(
            f"{text(OLD).get_secret_value()}, {text(OLDEST).get_secret_value()},"
        ),
    )
    ring = Keyring.of(settings, "master_key")
    assert ring.current_id == key_id_of(NEW)
    assert ring.decrypt(Keyring(OLDEST, setting="x").encrypt(b"clear")) == b"clear"


def test_a_missing_key_is_named() -> None:
    with pytest.raises(SettingsError, match="WAYBILL_MASTER_KEY is not set"):
        Keyring.of(Settings(_env_file=None), "master_key")


@pytest.mark.parametrize(
    "bad", ["Hidden", "SGlkZGVu", base64.b64encode(bytes(range(31))).decode(), "ø"]
)
def test_an_invalid_key_is_refused_and_not_shown(bad: str) -> None:
    with pytest.raises(SettingsError, match="WAYBILL_PAYLOAD_KEY holds no key") as caught:
        Keyring.of(Settings(_env_file=None, payload_key=SecretStr(bad)), "payload_key")
    assert bad not in str(caught.value)


@pytest.mark.parametrize("weak", [bytes(32), b"k" * 32, b"ab" * 16])
@pytest.mark.parametrize("setting", ["payload_key", "retired_payload_keys"])
def test_a_key_of_few_different_bytes_is_refused_and_not_shown(weak: bytes, setting: str) -> None:
    given = {"payload_key": text(NEW), setting: text(weak)}
    with pytest.raises(SettingsError) as caught:
        Keyring.of(Settings(_env_file=None).model_copy(update=given), "payload_key")
    assert str(caught.value) == (
        f"WAYBILL_{setting.upper()} holds no key: give 32 random bytes as Base64 "
        "(openssl rand -base64 32)"
    )


def test_a_bad_retired_key_is_named_as_such() -> None:
    settings = Settings(
        _env_file=None, payload_key=text(NEW), retired_payload_keys=SecretStr("Hidden")
    )
    with pytest.raises(SettingsError, match="WAYBILL_RETIRED_PAYLOAD_KEYS holds no key"):
        Keyring.of(settings, "payload_key")


def test_a_derived_key_depends_on_its_key_and_its_purpose() -> None:
    of_new, of_old = RING.derive(b"a purpose", 32)
    assert [of_new] == Keyring(NEW, setting="payload_key").derive(b"a purpose", 32)
    assert [of_old] == Keyring(OLD, setting="payload_key").derive(b"a purpose", 32)
    assert len({of_new, of_old, NEW, OLD, *RING.derive(b"another", 32)}) == 6
