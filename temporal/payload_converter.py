"""How what workflows and activities take and give becomes JSON, and is read back."""

from __future__ import annotations

from typing import Final

from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import CompositePayloadConverter

_CONVERTERS: Final = tuple(PydanticPayloadConverter().converters.values())


class SharedPydanticPayloadConverter(CompositePayloadConverter):
    """The SDK's own for pydantic, whose type adapters last as long as the process.

    The SDK makes a converter for each run of a workflow and for each of its tasks. With one of
    its own each, every run would build the adapters of all its types anew.
    """

    def __init__(self) -> None:
        super().__init__(*_CONVERTERS)
