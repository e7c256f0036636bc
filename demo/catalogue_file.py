"""Read a catalogue from a CSV or JSON file, and find every fault in it before anything is changed.

A CSV file has a header, and a JSON file is a list of objects. Both name these fields:

    sku                1 to 100 letters, digits, dots, underscores, colons and dashes
    name               the name that customers see
    price_minor_units  the price of one piece in the currency's minor unit: 1290 for 12.90 EUR
    currency           the alphabetic code of ISO 4217, such as EUR
    initial_stock      optional: the pieces to receive if none has ever been received
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.command import Identifier
from domain.inventory.commands import MAX_RECEIPT
from domain.money import Currency, MinorUnits
from domain.order.lines import Text

MAX_BYTES: Final = 5_000_000
MAX_ROWS: Final = 10_000


class FaultCode(StrEnum):
    NOT_READABLE = "NOT_READABLE"
    UNKNOWN_FORMAT = "UNKNOWN_FORMAT"
    FILE_TOO_LARGE = "FILE_TOO_LARGE"
    TOO_MANY_ROWS = "TOO_MANY_ROWS"
    NO_ROWS = "NO_ROWS"
    MALFORMED = "MALFORMED"
    INVALID_VALUE = "INVALID_VALUE"
    DUPLICATE_SKU = "DUPLICATE_SKU"
    CURRENCY_MISMATCH = "CURRENCY_MISMATCH"


@dataclass(frozen=True, slots=True)
class Fault:
    """`where` is the line of a CSV file, or the number of an item of a JSON file."""

    code: FaultCode
    message: str
    where: str = ""
    field: str = ""

    def __str__(self) -> str:
        parts = (self.where, self.field, f"{self.code}: {self.message}")
        return ": ".join(part for part in parts if part)


class InvalidFile(Exception):
    """The file has faults, so nothing was changed."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(f"{len(faults)} faults, the first is {faults[0]}")
        self.faults = faults


class Row(BaseModel):
    """One product of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    sku: Identifier
    name: Text
    price_minor_units: MinorUnits
    currency: Currency
    initial_stock: Annotated[int, Field(strict=True, ge=0, le=MAX_RECEIPT)] = 0


@dataclass(frozen=True, slots=True)
class PlacedRow:
    """A row and its place in the file."""

    where: str
    row: Row


_NUMBERS: Final = ("price_minor_units", "initial_stock")


def read_catalogue(path: Path) -> list[PlacedRow]:
    """Return the rows of the file. Raises InvalidFile with every fault."""
    text = _text(path)
    match path.suffix.lower():
        case ".csv":
            items = _csv_items(text)
        case ".json":
            items = _json_items(text)
        case _:
            raise InvalidFile(Fault(FaultCode.UNKNOWN_FORMAT, "name the file *.csv or *.json"))
    return _rows(items)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        message = error.strerror or type(error).__name__
        raise InvalidFile(Fault(FaultCode.NOT_READABLE, message)) from None
    if len(content) > MAX_BYTES:
        message = f"a file has at most {MAX_BYTES} bytes: split it"
        raise InvalidFile(Fault(FaultCode.FILE_TOO_LARGE, message))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = "this is not UTF-8: save the file as UTF-8"
        raise InvalidFile(Fault(FaultCode.MALFORMED, message, f"line {line}")) from None


def _csv_items(text: str) -> Iterator[tuple[str, object]]:
    """Yield the items of the lines, with numbers where a field takes one."""
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        header = reader.fieldnames or ()
        if len(set(header)) < len(header):
            message = "the header names a column twice"
            raise InvalidFile(Fault(FaultCode.MALFORMED, message, "line 1"))
        for item in reader:
            yield f"line {reader.line_num}", _with_numbers(item)
    except csv.Error as error:
        where = f"line {reader.reader.line_num}"
        raise InvalidFile(Fault(FaultCode.MALFORMED, str(error), where)) from None


def _with_numbers(item: Mapping[str | None, Any]) -> dict[str, object]:
    """Return the values of a line without the empty ones, which are as good as left out."""
    named = {name or "a value without a column": value for name, value in item.items()}
    given = {name: value for name, value in named.items() if value not in (None, "")}
    return {
        name: int(value) if name in _NUMBERS and _is_number(value) else value
        for name, value in given.items()
    }


def _is_number(text: str) -> bool:
    return text.isascii() and text.removeprefix("-").isdecimal() and len(text) < len(str(2**63))


def _json_items(text: str) -> Iterator[tuple[str, object]]:
    try:
        items = json.loads(text)
    except json.JSONDecodeError as error:
        fault = Fault(FaultCode.MALFORMED, error.msg, f"line {error.lineno}")
        raise InvalidFile(fault) from None
    except (RecursionError, ValueError):
        raise InvalidFile(Fault(FaultCode.MALFORMED, "this JSON cannot be read")) from None
    if not isinstance(items, list):
        raise InvalidFile(Fault(FaultCode.MALFORMED, "the file is not a list of objects"))
    yield from ((f"item {number}", item) for number, item in enumerate(items, start=1))


def _rows(items: Iterable[tuple[str, object]]) -> list[PlacedRow]:
    rows: list[PlacedRow] = []
    faults: list[Fault] = []
    seen: dict[str, str] = {}
    for number, (where, item) in enumerate(items, start=1):
        if number > MAX_ROWS:
            message = f"a file has at most {MAX_ROWS} products: split it"
            raise InvalidFile(Fault(FaultCode.TOO_MANY_ROWS, message, where))
        try:
            row = Row.model_validate(item)
        except ValidationError as error:
            faults += _invalid(where, error)
            continue
        if (earlier := seen.setdefault(row.sku, where)) != where:
            message = f"this SKU is in {earlier} too"
            faults.append(Fault(FaultCode.DUPLICATE_SKU, message, where, "sku"))
        rows.append(PlacedRow(where, row))
    if faults:
        raise InvalidFile(*faults)
    if not rows:
        raise InvalidFile(Fault(FaultCode.NO_ROWS, "the file has no products"))
    return rows


def _invalid(where: str, error: ValidationError) -> Iterator[Fault]:
    for fault in error.errors(include_input=False, include_context=False, include_url=False):
        field = ".".join(map(str, fault["loc"]))
        yield Fault(FaultCode.INVALID_VALUE, fault["msg"], where, field)
