"""Every example of docs/API.md is the answer that the API gives today.

After a change that is meant, record them by `make test ARGS="-k test_examples --record-examples"`,
and then run `python -m tools.api_reference`.
"""

from __future__ import annotations

import pytest

from cli.documents import operations
from tests.integration.api.example_files import FOLDER, text_of, write
from tests.integration.api.examples import told
from tests.support.api_client import Api


async def test_every_example_is_what_the_api_answers(
    request: pytest.FixtureRequest, module_api: Api
) -> None:
    examples = (await told(module_api)).examples
    answered = {name: text_of(example) for name, example in examples.items()}
    if request.config.getoption("record_examples"):
        write(answered)

    assert answered == {path.stem: path.read_text() for path in FOLDER.glob("*.json")}
    assert sorted(answered) == operations()
