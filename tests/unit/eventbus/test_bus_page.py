"""docs/EVENT-BUS.md states what the code does."""

from __future__ import annotations

import re
import zlib
from datetime import timedelta
from pathlib import Path

from eventbus.headers import MAX_VALUE
from eventbus.nats.messages import MAX_MESSAGE_BYTES
from eventbus.nats.names import STREAM, SUBJECTS
from eventbus.nats.stream import KEPT_FOR
from eventbus.routing import CATEGORIES, PARTITIONS, partition_of
from eventstore.validation import MAX_EVENT_BYTES
from tools.asyncapi_envelope import ENVELOPE

PAGE = (Path(__file__).parents[3] / "docs" / "EVENT-BUS.md").read_text()
VECTOR = re.compile(r"^\| `([a-z]+-[\w-]+)` \| (\d+) \| (\d+) \|$", re.MULTILINE)


def test_the_page_shows_partitions_as_the_code_computes_them() -> None:
    vectors = VECTOR.findall(PAGE)

    assert len(vectors) == 4
    for stream, checksum, partition in vectors:
        assert zlib.crc32(stream.encode()) == int(checksum)
        assert partition_of(stream) == int(partition)
    assert f"modulo {PARTITIONS}." in PAGE


def test_the_page_names_the_subjects_and_categories_of_the_code() -> None:
    *first, last = (f"`{category}`" for category in sorted(CATEGORIES))

    assert f"stream `{STREAM}`" in PAGE
    assert f"subject `{SUBJECTS}.<partition>.<category>.<Type>`" in PAGE
    assert f"categories are {', '.join(first)} and {last}." in " ".join(PAGE.split())


def test_the_page_explains_every_attribute() -> None:
    rows = [line for line in PAGE.splitlines() if re.match(r"\| `\w+`.*\| (yes|no) \|", line)]
    explained = {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}

    assert explained == {*ENVELOPE["properties"], "data"}


def test_the_page_states_the_limits_of_the_code() -> None:
    assert timedelta(days=7) == KEPT_FOR
    assert f"longer than {MAX_VALUE} characters" in PAGE
    assert f"at most {MAX_EVENT_BYTES:,} bytes together" in PAGE
    assert MAX_MESSAGE_BYTES <= 1_002_600
