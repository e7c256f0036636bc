"""Encrypt the positions that clients see, so that they reveal nothing of the whole log.

AES-SIV (RFC 5297) is deterministic and authenticated: every viewer gets the same text for the same
position, and only a text that Waybill made can be decrypted. See
docs/decisions/0015-access-and-positions.md.
"""

from __future__ import annotations

import argparse
import base64
import re
import sys
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from eventstore.privacy.keyring import Keyring
from kit.command import run_command
from settings import Settings, SettingsError, load_settings

MAX_POSITION: Final = 2**63 - 1
"""PostgreSQL's largest bigint."""
POSITION: Final = "position"

_KEY_BYTES: Final = 64
"""AES-256-SIV takes two keys of 32 bytes in one."""
_PLAIN_BYTES: Final = 8
SEALED: Final = re.compile(r"[A-Za-z0-9_-]{32}")
"""The Base64url of a tag of 16 bytes and of the 8 encrypted bytes."""


class BadPosition(Exception):
    """Waybill did not make this text for this purpose."""

    def __init__(self) -> None:
        super().__init__("this is no position of the log: pass one that an answer held, unchanged")


class PositionCodec:
    """Encrypt and decrypt positions. `purpose` separates a cursor of a list from a position."""

    def __init__(self, keyring: Keyring) -> None:
        keys = keyring.derive(b"waybill positions", _KEY_BYTES)
        self._ciphers = [AESSIV(key) for key in keys]

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Derive the keys from the payload keys. Raises SettingsError."""
        return cls(Keyring.of(settings, "payload_key"))

    def seal(self, position: int, purpose: str = POSITION) -> str:
        plain = position.to_bytes(_PLAIN_BYTES, "big")
        sealed = self._ciphers[0].encrypt(plain, [purpose.encode()])
        return base64.urlsafe_b64encode(sealed).decode()

    def open(self, text: str, purpose: str = POSITION) -> int:
        """Return the position; the retired keys are accepted too. Raises BadPosition."""
        if not SEALED.fullmatch(text):
            raise BadPosition
        sealed = base64.urlsafe_b64decode(text)
        for cipher in self._ciphers:
            try:
                return int.from_bytes(cipher.decrypt(sealed, [purpose.encode()]), "big")
            except InvalidTag:
                continue
        raise BadPosition

    def number(self, text: str) -> int:
        """Return the position that an operator gave in either form. Raises BadPosition."""
        if not re.fullmatch(r"[0-9]{1,19}", text):
            return self.open(text)
        if (position := int(text)) > MAX_POSITION:
            raise BadPosition
        return position


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m eventstore.positions",
        description="Print a position of the log as a number and as the API shows it.",
    )
    parser.add_argument("position", help="either form")
    try:
        codec = PositionCodec.of(load_settings())
        number = codec.number(parser.parse_args().position)
    except (SettingsError, BadPosition) as error:
        sys.exit(f"position: {error}")
    sys.stdout.write(f"{number} {codec.seal(number)}\n")


if __name__ == "__main__":
    run_command(main)
