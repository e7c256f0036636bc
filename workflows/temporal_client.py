"""The way to Temporal that the API, the worker and the tests share."""

from __future__ import annotations

from temporalio.client import Client
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes

from eventstore.privacy.keyring import Keyring
from settings import Settings
from workflows.payload_codec import EncryptionCodec
from workflows.payload_converter import SharedPydanticPayloadConverter
from workflows.trace_propagation import TracePropagation
from workflows.types import Deadlines


def data_converter(payload_keys: Keyring) -> DataConverter:
    return DataConverter(
        payload_converter_class=SharedPydanticPayloadConverter,
        payload_codec=EncryptionCodec(payload_keys),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


async def connect(settings: Settings) -> Client:
    """Raises SettingsError when a setting is missing, RuntimeError when nobody answers."""
    settings.require("temporal_address")
    payload_keys = Keyring.of(settings, "payload_key")
    return await Client.connect(
        settings.temporal_address,
        namespace=settings.temporal_namespace,
        interceptors=[TracePropagation()],
        data_converter=data_converter(payload_keys),
    )


def deadlines(settings: Settings) -> Deadlines:
    return Deadlines(
        provider_patience=settings.provider_patience,
        undo_patience=settings.undo_patience,
        parked_retry=settings.parked_retry,
        backorder=settings.backorder_deadline,
        payment_window=settings.payment_window,
        dispatch=settings.dispatch_deadline,
        delivery=settings.delivery_deadline,
        return_window=settings.return_window,
        return_delivery=settings.return_delivery_deadline,
    )
