"""Keys in rotation: one encrypts, and all earlier ones still decrypt."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import NamedTuple, Self

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

from eventstore.privacy.encryption import KEY_BYTES, decrypt, encrypt
from eventstore.privacy.errors import UnknownKey
from settings import Settings, SettingsError
from settings_checks import is_weak


class Encrypted(NamedTuple):
    key_id: str
    data: bytes


class Keyring:
    """The keys of one setting and of `retired_<setting>s`. It never shows one."""

    def __init__(self, current: bytes, retired: Sequence[bytes] = (), *, setting: str) -> None:
        self._setting = setting
        self._keys = {key_id_of(key): key for key in (current, *retired)}
        self.current_id = key_id_of(current)

    @classmethod
    def of(cls, settings: Settings, setting: str) -> Self:
        """Raises SettingsError, naming the setting that is missing or holds no key."""
        current = key_of(settings, setting)
        retired: SecretStr = getattr(settings, f"retired_{setting}s")
        return cls(
            current,
            [
                _key(text, f"retired_{setting}s")
                for text in retired.get_secret_value().split(",")
                if text.strip()
            ],
            setting=setting,
        )

    def encrypt(self, plaintext: bytes, context: bytes | None = None) -> Encrypted:
        data = encrypt(self._keys[self.current_id], plaintext, context)
        return Encrypted(self.current_id, data)

    def decrypt(self, encrypted: Encrypted, context: bytes | None = None) -> bytes:
        """Raises UnknownKey, or Tampered."""
        key = self._keys.get(encrypted.key_id)
        if key is None:
            raise UnknownKey(encrypted.key_id, self._setting)
        return decrypt(key, encrypted.data, context)

    def derive(self, purpose: bytes, length: int) -> list[bytes]:
        """Return a key for one purpose from each key (HKDF, RFC 5869), the current one's first."""
        return [
            HKDF(SHA256(), length, salt=None, info=purpose).derive(key)
            for key in self._keys.values()
        ]


def key_of(settings: Settings, setting: str) -> bytes:
    """Return the key. Raises SettingsError, naming the setting that is missing or holds no key."""
    settings.require(setting)
    secret: SecretStr = getattr(settings, setting)
    return _key(secret.get_secret_value(), setting)


def key_id_of(key: bytes) -> str:
    """Return a digest that names the key and reveals nothing of it."""
    return hashlib.sha256(b"waybill key id\0" + key).hexdigest()[:16]


def _key(text: str, setting: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES or is_weak(key):
        raise SettingsError(
            f"WAYBILL_{setting.upper()} holds no key: give {KEY_BYTES} random bytes as Base64 "
            "(openssl rand -base64 32)"
        )
    return key
