"""All payload converters of workflows share these properties."""

from __future__ import annotations

from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter, PydanticPayloadConverter

from temporal.payload_converter import SharedPydanticPayloadConverter


def test_every_workflow_uses_the_same_type_adapters() -> None:
    one, other = SharedPydanticPayloadConverter(), SharedPydanticPayloadConverter()

    assert isinstance(one.converters[b"json/plain"], PydanticJSONPlainPayloadConverter)
    assert one.converters[b"json/plain"] is other.converters[b"json/plain"]


def test_payloads_are_encoded_as_the_sdk_encodes_them() -> None:
    values = ["text", 1, None, b"bytes", {"key": [1, 2]}]

    ours, theirs = SharedPydanticPayloadConverter(), PydanticPayloadConverter()

    assert ours.to_payloads(values) == theirs.to_payloads(values)
