"""Keys for tests, generated anew in each run."""

from __future__ import annotations

import os
from typing import Final

from eventstore.privacy.keyring import Keyring
from eventstore.privacy.vault import Vault
from kit.pool import Pool

MASTER_KEY: Final = os.urandom(32)
MASTER_KEYS: Final = Keyring(MASTER_KEY, setting="master_key")
PAYLOAD_KEY: Final = os.urandom(32)
PAYLOAD_KEYS: Final = Keyring(PAYLOAD_KEY, setting="payload_key")
SEARCH_KEY: Final = os.urandom(32)


def a_vault(pool: Pool, master_keys: Keyring = MASTER_KEYS) -> Vault:
    return Vault(pool, master_keys)
