from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook

from providers.carrier import CarrierShipmentStatus, CarrierWebhook, ReturnStatus
from providers.carrier_webhook import verify_carrier_webhook
from providers.errors import WebhookFault, WebhookRejected

SECRET = "whsec_" + base64.b64encode(b"secret of the tests").decode()
OTHER_SECRET = base64.b64encode(b"another").decode()


def event(**change: object) -> bytes:
    data = {
        "id": "shp_1",
        "reference": "order-1",
        "status": "dispatched",
        "tracking_number": "WB01",
        **change,
    }
    moment = "2026-01-01T13:00:00+01:00"
    return json.dumps({"type": "shipment", "timestamp": moment, "data": data}).encode()


def signed(
    raw: bytes, seconds_ago: float = 0, secret: str = SECRET, event_id: str = "msg_1"
) -> dict[str, str]:
    at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    return {
        "Webhook-Id": event_id,
        "Webhook-Timestamp": str(int(at.timestamp())),
        "Webhook-Signature": Webhook(secret).sign(event_id, at, raw.decode()),
    }


def fault(raw: bytes, headers: dict[str, str]) -> WebhookFault:
    with pytest.raises(WebhookRejected) as rejection:
        verify_carrier_webhook(raw, headers, SECRET)
    return rejection.value.fault


def test_a_signed_event_is_accepted() -> None:
    raw = event()

    assert verify_carrier_webhook(raw, signed(raw), SECRET) == CarrierWebhook(
        event_id="msg_1",
        order_id="order-1",
        status=CarrierShipmentStatus.DISPATCHED,
    )


def test_notifications_of_returns_and_shipments_are_distinguished() -> None:
    raw = event(id="ret_1", status="returned")

    notification = verify_carrier_webhook(raw, signed(raw), SECRET)

    assert notification == CarrierWebhook("msg_1", "order-1", ReturnStatus.RETURNED)


def test_an_unknown_status_is_no_notification() -> None:
    raw = event(status="in_customs")

    assert verify_carrier_webhook(raw, signed(raw), SECRET) is None


@pytest.mark.parametrize("header", ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"])
def test_an_event_without_a_required_header_is_rejected(header: str) -> None:
    raw = event()
    headers = signed(raw)
    del headers[header]

    assert fault(raw, headers) is WebhookFault.BAD_SIGNATURE


@pytest.mark.parametrize(
    "signature", ["", "nonsense", "v1,nonsense", "v1,!", "v2,ab", "v1,é", "é,ab"]
)
def test_an_invalid_signature_is_rejected(signature: str) -> None:
    raw = event()

    headers = {**signed(raw), "Webhook-Signature": signature}

    assert fault(raw, headers) is WebhookFault.BAD_SIGNATURE


@pytest.mark.parametrize("header", ["Webhook-Id", "Webhook-Timestamp"])
def test_a_header_of_other_letters_is_rejected(header: str) -> None:
    raw = event()

    assert fault(raw, {**signed(raw), header: "é"}) is WebhookFault.BAD_SIGNATURE


def test_an_event_signed_with_another_secret_is_rejected() -> None:
    raw = event()

    assert fault(raw, signed(raw, secret=OTHER_SECRET)) is WebhookFault.BAD_SIGNATURE


def test_an_event_changed_after_signing_is_rejected() -> None:
    headers = signed(event())

    assert fault(event(reference="order-2"), headers) is WebhookFault.BAD_SIGNATURE


@pytest.mark.parametrize("seconds_ago", [302, -302])
def test_an_event_signed_at_another_time_is_too_old(seconds_ago: int) -> None:
    raw = event()

    assert fault(raw, signed(raw, seconds_ago)) is WebhookFault.TOO_OLD


@pytest.mark.parametrize("raw", [b"{}", b"[]", b"no json", b"", event(status=1)])
def test_a_signed_body_that_is_no_event_is_malformed(raw: bytes) -> None:
    assert fault(raw, signed(raw)) is WebhookFault.MALFORMED


def test_bytes_that_are_no_text_are_malformed() -> None:
    assert fault(b"\xff", signed(b"")) is WebhookFault.MALFORMED


@pytest.mark.parametrize("reference", ["", "\0", "o 1", "o" * 101])
def test_a_reference_that_no_order_has_is_dropped(reference: str) -> None:
    raw = event(reference=reference)

    assert verify_carrier_webhook(raw, signed(raw), SECRET) is None


@pytest.mark.parametrize("event_id", ["m" * 256, "msg 1"])
def test_an_id_that_the_inbox_cannot_hold_is_malformed(event_id: str) -> None:
    raw = event()

    assert fault(raw, signed(raw, event_id=event_id)) is WebhookFault.MALFORMED


def test_a_notification_of_a_later_booking_is_about_its_order() -> None:
    raw = event(reference="order-1~2")

    assert verify_carrier_webhook(raw, signed(raw), SECRET) == CarrierWebhook(
        "msg_1", "order-1", CarrierShipmentStatus.DISPATCHED, booking=2
    )
