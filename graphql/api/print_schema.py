"""Write or compare graphql/schema.graphql: `python -m api.print_schema [--check]`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from api.schema import build_schema
from eventstore.positions import PositionCodec
from eventstore.privacy.encryption import KEY_BYTES
from eventstore.privacy.keyring import Keyring
from kit.command import run_command

FILE: Final = Path(__file__).parent.parent / "schema.graphql"


def printed() -> str:
    # The text does not depend on the key.
    positions = PositionCodec(Keyring(bytes(KEY_BYTES), setting="payload_key"))
    return f"{build_schema(positions, introspection=True).as_str().rstrip()}\n"


def main(arguments: Sequence[str]) -> int | str:
    if arguments == ["--check"]:
        same = FILE.exists() and FILE.read_text() == printed()
        return 0 if same else f"{FILE.name} is out of date: run `python -m api.print_schema`"
    FILE.write_text(printed())
    return 0


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))
