"""Read the parts of an explanation."""

from __future__ import annotations

from tests.support.api_client import Json, Viewer


async def explained(viewer: Viewer, order_id: str) -> Json:
    return await viewer.run("Explain", orderId=order_id)


def events(explanation: Json) -> list[str]:
    return [each["type"] for each in explanation["timeline"] if "stream" in each]


def calls(explanation: Json) -> list[tuple[str, str | None, str | None]]:
    """Return the operation, the key without the order's id, and the answer of each call."""
    order_id = explanation["orderId"]
    return [
        (each["operation"], each["key"] and each["key"].removeprefix(order_id), each["answer"])
        for each in explanation["timeline"]
        if each["kind"] == "PROVIDER_CALL"
    ]


def label(entry: Json) -> str:
    """Return the kind of the entry and the name of what it is about."""
    names = ("type", "stepName", "operation", "notice", "webhookType", "eventType")
    return f"{entry['kind']} {next(entry[name] for name in names if name in entry)}"


def timeline(explanation: Json) -> list[str]:
    return [label(entry) for entry in explanation["timeline"]]


def steps(explanation: Json) -> list[tuple[str, str]]:
    return [
        (each["stepName"], each["stepState"])
        for each in explanation["timeline"]
        if each["kind"] == "STEP"
    ]


def money(explanation: Json) -> tuple[int, int, int]:
    """Return what is authorized, captured and refunded."""
    found = explanation["money"]
    return tuple(found[name]["amount"] for name in ("authorized", "captured", "refunded"))


def attempts(explanation: Json) -> list[tuple[int, str]]:
    return [(each["number"], each["status"]) for each in explanation["money"]["attempts"]]


def stock(explanation: Json) -> list[tuple[int, int, int, int]]:
    """Return what each line has ordered, reserved, shipped and got back."""
    return [
        (line["quantity"], line["reserved"], line["shipped"], line["returned"])
        for line in explanation["stock"]
    ]


def waits(explanation: Json) -> list[str]:
    return [wait["waitsFor"] for wait in explanation["waitsFor"]]
