"""Connect to Temporal, for the API, the worker and the tests."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes
from temporalio.service import RPCError, RPCStatusCode

from eventstore.privacy.keyring import Keyring
from settings import Settings, SettingsError
from temporal.payload_codec import EncryptionCodec
from temporal.payload_converter import SharedPydanticPayloadConverter
from temporal.security import security_of
from temporal.trace_propagation import TracePropagation
from workflows.types import Deadlines

_NO_ANSWER: Final = "Failed client connect"
"""The SDK's RuntimeError begins with this text when a connection cannot be made."""

ANSWER_TIMEOUT: Final = timedelta(seconds=2)

_LASTING: Final = frozenset(
    {
        RPCStatusCode.ALREADY_EXISTS,
        RPCStatusCode.FAILED_PRECONDITION,
        RPCStatusCode.INVALID_ARGUMENT,
        RPCStatusCode.NOT_FOUND,
        RPCStatusCode.OUT_OF_RANGE,
        RPCStatusCode.PERMISSION_DENIED,
        RPCStatusCode.UNAUTHENTICATED,
        RPCStatusCode.UNIMPLEMENTED,
    }
)
"""The answers of Temporal that the same call would get again."""


class TemporalAway(ConnectionError):
    """Temporal does not answer."""


def is_temporal_away(error: BaseException) -> bool:
    """Return whether Temporal does not answer, or cannot do its work now."""
    if isinstance(error, RPCError):
        return error.status not in _LASTING
    is_refused = isinstance(error, RuntimeError) and str(error).startswith(_NO_ANSWER)
    return is_refused or isinstance(error, TemporalAway)


def data_converter(payload_keys: Keyring) -> DataConverter:
    return DataConverter(
        payload_converter_class=SharedPydanticPayloadConverter,
        payload_codec=EncryptionCodec(payload_keys),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


def check_settings(settings: Settings) -> Keyring:
    """Return the keys of what Temporal stores. Raises SettingsError."""
    settings.require("temporal_address")
    security_of(settings)
    return Keyring.of(settings, "payload_key")


async def connect(settings: Settings, *, lazy: bool = False) -> Client:
    """Return a client; a lazy one connects at its first call, and serves no worker.

    Raises SettingsError when a setting is missing or wrong, TemporalAway when Temporal does not
    answer.
    """
    payload_keys = check_settings(settings)
    security = security_of(settings)
    try:
        return await Client.connect(
            settings.temporal_address,
            namespace=settings.temporal_namespace,
            interceptors=[TracePropagation()],
            data_converter=data_converter(payload_keys),
            lazy=lazy,
            tls=security.tls,
            api_key=security.api_key,
        )
    except ValueError as error:
        raise SettingsError(f"WAYBILL_TEMPORAL_ADDRESS: {error}") from None
    except RuntimeError as error:
        where = f"Temporal does not answer at {settings.temporal_address}"
        raise TemporalAway(f"{where}: {_reason(error)}") from None


async def require_namespace(client: Client) -> None:
    """Ask Temporal for the namespace, in at most ANSWER_TIMEOUT.

    Raises SettingsError when there is none of this name, RPCError when Temporal does not answer.
    """
    request = DescribeNamespaceRequest(namespace=client.namespace)
    try:
        await client.workflow_service.describe_namespace(request, timeout=ANSWER_TIMEOUT)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise SettingsError(f"WAYBILL_TEMPORAL_NAMESPACE: {error}") from None
        raise


def _reason(error: RuntimeError) -> str:
    """Return the innermost message of Rust's nested errors."""
    text = str(error)
    messages: list[str] = re.findall(r'(?:message|error): "([^"]+)"', text)
    return messages[-1] if messages else text[:100]


def deadlines(settings: Settings) -> Deadlines:
    return Deadlines(
        provider_timeout=settings.provider_timeout,
        undo_timeout=settings.undo_timeout,
        parked_retry=settings.parked_retry,
        backorder=settings.backorder_deadline,
        payment_window=settings.payment_window,
        dispatch=settings.dispatch_deadline,
        delivery=settings.delivery_deadline,
        return_window=settings.return_window,
        return_delivery=settings.return_delivery_deadline,
    )
