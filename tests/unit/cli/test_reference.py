"""Every command is documented by its own help, with an example that it accepts."""

from __future__ import annotations

import ast
import re
import shlex

import pytest
import typer

from cli.advice import ADVICE
from cli.app import app
from cli.commands.dead_letters import State
from cli.commands.orders import Status
from cli.commands.sagas import DOCUMENTS as INTERVENTIONS
from cli.documents import FOLDER, document, operations
from cli.watching import FINAL
from domain.order.state import FINAL as FINAL_STATUSES
from stack.processes import ROOT
from tools import cli_reference
from tools.cli_reference import EXAMPLE, NoExample, example_of, leaves

HELPERS = ("_change", "_listed")
"""The functions of the commands that run a document by its name."""
COMMANDS = dict(leaves(typer.main.get_command(app), "waybill"))


def test_the_reference_is_that_of_the_program() -> None:
    assert cli_reference.main(["--check"]) == 0


def test_a_command_without_an_example_is_an_error() -> None:
    bare = typer.Typer()
    bare.command("bare")(lambda: None)
    with pytest.raises(NoExample, match="waybill bare has no example"):
        example_of("waybill bare", typer.main.get_command(bare))


@pytest.mark.parametrize("path", COMMANDS)
def test_the_example_of_a_command_is_one_that_it_accepts(path: str) -> None:
    words = shlex.split(COMMANDS[path].epilog.removeprefix(EXAMPLE))
    own = path.split()
    assert " ".join(word for word in words if word in own).startswith(path)
    arguments = words[words.index(own[-1]) + 1 :]
    COMMANDS[path].make_context(path, arguments)


@pytest.mark.parametrize("path", COMMANDS)
def test_every_option_of_a_command_is_explained(path: str) -> None:
    context = COMMANDS[path].make_context(path, [], resilient_parsing=True)
    for parameter in COMMANDS[path].get_params(context):
        assert parameter.help, parameter.name
        assert parameter.help.endswith("."), parameter.help


def test_the_values_of_options_are_those_of_the_schema() -> None:
    assert set(Status) == _enum("OrderStatus")
    assert set(State) == _enum("DeadLetterState")
    assert {status.value for status in FINAL_STATUSES} == FINAL


def test_advice_is_for_codes_that_the_api_has() -> None:
    page = (ROOT / "docs" / "API.md").read_text()
    known = set(re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE))
    assert ADVICE.keys() - known == set()


def test_every_document_that_a_command_runs_exists() -> None:
    calls = [
        node
        for path in (ROOT / "cli").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).rpartition(".")[2] in {"ask", "read", "document", *HELPERS}
    ]
    given = [argument for call in calls for argument in call.args[:2]]
    texts = {part.value for part in given if isinstance(part, ast.Constant)}
    named = {str(text) for text in texts} | set(INTERVENTIONS.values())
    assert {"Orders", "Order", "Saga", "DeadLetters", "OrderUpdates", "EnableWebhook"} <= named
    assert named - set(operations()) == set()


def test_a_document_holds_its_fragments_each_once() -> None:
    assert FOLDER.resolve() == ROOT / "graphql" / "operations"
    text = document("Orders")
    assert text.startswith("query Orders(")
    assert text.count("fragment OrderFields on Order") == 1


def _enum(name: str) -> set[str]:
    schema = (ROOT / "graphql" / "schema.graphql").read_text()
    found = re.search(rf"^enum {name} {{\n(.*?)^}}", schema, re.MULTILINE | re.DOTALL)
    assert found
    return set(re.findall(r"^  ([A-Z_]+)$", found[1], re.MULTILINE))
