"""The whole file is checked, and each fault is named, before anything is changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from demo.catalogue_file import MAX_BYTES, MAX_ROWS, InvalidFile, PlacedRow, Row, read_catalogue
from stack.processes import ROOT

HEADER = "sku,name,price_minor_units,currency,initial_stock\n"
CUP = Row(sku="cup", name="Cup", price_minor_units=450, currency="EUR", initial_stock=7)
POT = Row(sku="pot", name="Pot, 1 l", price_minor_units=0, currency="SEK")


def written(folder: Path, text: str | bytes, name: str = "products.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def faults(path: Path) -> list[str]:
    with pytest.raises(InvalidFile) as caught:
        read_catalogue(path)
    return [str(fault) for fault in caught.value.faults]


def test_a_csv_file_is_read_as_spreadsheets_write_it(tmp_path: Path) -> None:
    text = HEADER + 'cup, Cup ,450,EUR,7\r\n\r\npot,"Pot, 1 l",0,SEK,\r\n'

    rows = read_catalogue(written(tmp_path, b"\xef\xbb\xbf" + text.encode()))

    assert rows == [PlacedRow("line 2", CUP), PlacedRow("line 4", POT)]


def test_a_json_file_is_read(tmp_path: Path) -> None:
    items = [CUP.model_dump(), POT.model_dump(exclude_defaults=True)]

    rows = read_catalogue(written(tmp_path, json.dumps(items), "products.JSON"))

    assert rows == [PlacedRow("item 1", CUP), PlacedRow("item 2", POT)]


def test_the_example_is_valid() -> None:
    skus = [placed.row.sku for placed in read_catalogue(ROOT / "demo" / "products.csv")]
    assert skus == ["OOL-01", "WSK-01", "SPN-01"]


def test_every_fault_is_named_with_its_line_and_field(tmp_path: Path) -> None:
    text = HEADER + "a b,Cup,4.50,euro,-1\ncup,,450,EUR,\ncup,Cup,450,EUR,0\ncup,Cup,450,EUR,0,x\n"

    found = faults(written(tmp_path, text + "cup,Mug,450,EUR,\n"))

    assert [line.split(": INVALID_VALUE: ")[0] for line in found[:-1]] == [
        *("line 2: sku", "line 2: price_minor_units", "line 2: currency", "line 2: initial_stock"),
        *("line 3: name", "line 5: a value without a column"),
    ]
    assert found[-1] == "line 6: sku: DUPLICATE_SKU: this SKU is in line 4 too"


@pytest.mark.parametrize(
    ("item", "field"),
    [
        ({"price_minor_units": "450"}, "price_minor_units"),
        ({"price_minor_units": 4.5}, "price_minor_units"),
        ({"price_minor_units": True}, "price_minor_units"),
        ({"price_minor_units": -1}, "price_minor_units"),
        ({"initial_stock": 1_000_001}, "initial_stock"),
        ({"name": "a\nb"}, "name"),
        ({"prise": 1}, "prise"),
    ],
)
def test_a_wrong_value_in_a_json_file_is_named(
    tmp_path: Path, item: dict[str, object], field: str
) -> None:
    text = json.dumps([CUP.model_dump(), POT.model_dump() | item])

    (found,) = faults(written(tmp_path, text, "products.json"))

    assert found.startswith(f"item 2: {field}: INVALID_VALUE: ")


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("p.txt", "", "UNKNOWN_FORMAT: name the file *.csv or *.json"),
        ("p.csv", "", "NO_ROWS: the file has no products"),
        ("p.csv", HEADER, "NO_ROWS: the file has no products"),
        ("p.csv", "sku,sku\n", "line 1: MALFORMED: the header names a column twice"),
        ("p.csv", HEADER + 'cup,"Cup\n', "line 2: MALFORMED: unexpected end of data"),
        (
            "p.csv",
            HEADER.encode() + b"cup,T\xfcr,1,EUR,\n",
            "line 2: MALFORMED: this is not UTF-8: save the file as UTF-8",
        ),
        ("p.json", "[]", "NO_ROWS: the file has no products"),
        ("p.json", "{}", "MALFORMED: the file is not a list of objects"),
        ("p.json", '[\n{"sku": }]', "line 2: MALFORMED: Expecting value"),
        ("p.json", "[" * 100_000, "MALFORMED: this JSON cannot be read"),
        ("p.csv", b"x" * (MAX_BYTES + 1), "FILE_TOO_LARGE: a file has at most 5000000 bytes: "),
        (
            "p.csv",
            HEADER + "".join(f"c{n},Cup,1,EUR,\n" for n in range(MAX_ROWS + 1)),
            "line 10002: TOO_MANY_ROWS: a file has at most 10000 products: split it",
        ),
    ],
)
def test_a_file_that_is_no_catalogue_is_refused(
    tmp_path: Path, name: str, text: str | bytes, fault: str
) -> None:
    (found,) = faults(written(tmp_path, text, name))
    assert found.startswith(fault)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert faults(tmp_path / "none.csv") == ["NOT_READABLE: No such file or directory"]
