from __future__ import annotations

from typing import Final

import pytest
from temporalio.api.common.v1 import Payload

from eventstore.privacy.errors import Tampered, UnknownKey
from eventstore.privacy.keyring import Keyring, key_id_of
from temporal.payload_codec import EncryptionCodec

OLD: Final = bytes(range(32))
NEW: Final = bytes(range(32, 64))
CLEAR: Final = Payload(metadata={"encoding": b"json/plain"}, data=b'"Mill Lane"')


def codec(*keys: bytes) -> EncryptionCodec:
    return EncryptionCodec(Keyring(keys[0], keys[1:], setting="payload_key"))


async def test_a_payload_is_unreadable_and_names_its_key() -> None:
    (encoded,) = await codec(NEW).encode([CLEAR])
    assert dict(encoded.metadata) == {
        "encoding": b"binary/encrypted",
        "encryption-key-id": key_id_of(NEW).encode(),
    }
    assert b"Mill Lane" not in encoded.SerializeToString()
    assert NEW not in encoded.SerializeToString()


async def test_a_payload_comes_back_unchanged() -> None:
    assert await codec(NEW).decode(await codec(NEW).encode([CLEAR, CLEAR])) == [CLEAR, CLEAR]


async def test_a_payload_of_before_the_key_was_changed_is_still_read() -> None:
    assert await codec(NEW, OLD).decode(await codec(OLD).encode([CLEAR])) == [CLEAR]


async def test_a_payload_of_before_keys_had_ids_is_still_read() -> None:
    (encoded,) = await codec(NEW).encode([CLEAR])
    del encoded.metadata["encryption-key-id"]
    assert await codec(NEW).decode([encoded]) == [CLEAR]


async def test_a_payload_under_an_unknown_key_is_an_error_that_names_it() -> None:
    with pytest.raises(UnknownKey, match=key_id_of(NEW)):
        await codec(OLD).decode(await codec(NEW).encode([CLEAR]))


async def test_a_changed_payload_is_an_error() -> None:
    (encoded,) = await codec(NEW).encode([CLEAR])
    encoded.data = encoded.data[:-1] + bytes([encoded.data[-1] ^ 1])
    with pytest.raises(Tampered):
        await codec(NEW).decode([encoded])


async def test_an_unencrypted_payload_passes_unchanged() -> None:
    assert await codec(NEW).decode([CLEAR]) == [CLEAR]
