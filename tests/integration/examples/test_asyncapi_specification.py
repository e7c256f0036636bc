"""The AsyncAPI document is valid by the JSON Schema that the AsyncAPI initiative publishes."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
import yaml

from tools import asyncapi

PACKAGE: Final = "@asyncapi/specs@6.11.1"
SCHEMA: Final = "package/schemas/3.0.0.json"
NPM: Final = shutil.which("npm")


@pytest.fixture(scope="module")
def specification(tmp_path_factory: pytest.TempPathFactory) -> jsonschema.Draft7Validator:
    """Take the schema from the package of npm. Its scripts do not run."""
    if NPM is None:
        pytest.skip("npm is not installed: nothing compares the document with the specification")
    folder = tmp_path_factory.mktemp("asyncapi")
    command = [NPM, "pack", "--silent", "--ignore-scripts", PACKAGE]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)  # noqa: S603 - our own words
    [archive] = folder.glob("*.tgz")
    with tarfile.open(archive) as packed:
        schema = packed.extractfile(SCHEMA)
        assert schema is not None
        return jsonschema.Draft7Validator(json.load(schema))


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    recorded: dict[str, Any] = yaml.safe_load(Path(asyncapi.FILE).read_text())
    return recorded


def test_the_document_follows_the_specification(
    specification: jsonschema.Draft7Validator, document: dict[str, Any]
) -> None:
    assert document["asyncapi"] == "3.0.0"
    assert [error.json_path for error in specification.iter_errors(document)] == []


def test_a_document_that_departs_from_the_specification_is_noticed(
    specification: jsonschema.Draft7Validator, document: dict[str, Any]
) -> None:
    for path, value in (("action", "shout"), ("channel", "nats")):
        wrong = deepcopy(document)
        wrong["operations"]["publishToNats"][path] = value
        assert not specification.is_valid(wrong)
