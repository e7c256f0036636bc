"""Convert the arguments and results of workflows and activities to JSON and back."""

from __future__ import annotations

from typing import Final

from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import CompositePayloadConverter

_CONVERTERS: Final = tuple(PydanticPayloadConverter().converters.values())


class SharedPydanticPayloadConverter(CompositePayloadConverter):
    """The SDK's converter for pydantic, with type adapters that live as long as the process.

    The SDK makes a converter for each run of a workflow and for each of its tasks. Without shared
    adapters, every run would build the adapters of all its types anew.
    """

    def __init__(self) -> None:
        super().__init__(*_CONVERTERS)
