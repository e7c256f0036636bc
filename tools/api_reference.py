"""Fill or compare the blocks of docs/API.md: `python -m tools.api_reference [--check]`.

The operations are the documents of graphql/operations. Their descriptions are those of
graphql/schema.graphql, and their examples those of graphql/examples, which a test runs. The rest of
docs/API.md is edited there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    get_named_type,
    parse,
)

from api.access import RULES, Access
from api.error_meanings import REQUEST_ERROR_MEANINGS, USER_ERROR_MEANINGS
from api.print_schema import FILE as SCHEMA
from cli.documents import FOLDER, fragments, operations
from kit.command import run_command
from stack.processes import ROOT
from tools.generated_blocks import write_or_check

FILE: Final = ROOT / "docs" / "API.md"
EXAMPLES: Final = ROOT / "graphql" / "examples"
KINDS: Final = {"Mutation": "Mutations", "Query": "Queries", "Subscription": "Subscriptions"}


def blocks() -> dict[str, str]:
    schema = build_schema(SCHEMA.read_text())
    return {
        "operations": "\n\n".join(_operations(schema)),
        "fragments": "\n\n".join(_code("graphql", _text(name)) for name in fragments()),
        "user-errors": _codes(USER_ERROR_MEANINGS),
        "request-errors": _codes(REQUEST_ERROR_MEANINGS),
    }


def _operations(schema: GraphQLSchema) -> Iterator[str]:
    by_kind: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for name in operations():
        by_kind[_kind(_definition(name))].append(name)
    for kind, heading in KINDS.items():
        yield f"### {heading}"
        for name in by_kind[kind]:
            yield "\n\n".join(_operation(name, kind, schema))


def _operation(name: str, kind: str, schema: GraphQLSchema) -> Iterator[str]:
    field_name = _root_field(_definition(name))
    root = schema.type_map[kind]
    if not isinstance(root, GraphQLObjectType):
        raise TypeError(f"{kind} is no object type")
    field = root.fields[field_name]
    rule = RULES[kind][field_name]
    yield f"#### {name}"
    yield f"{_sentence(field.description)}Allowed for {_allowed(rule)}.".strip()
    if arguments := _arguments(field):
        yield arguments
    yield _code("graphql", _text(name))
    example: dict[str, Any] = json.loads((EXAMPLES / f"{name}.json").read_text())
    yield f"Variables and answer, for a token of the role `{example['role']}`:"
    yield _code("json", _json(example["variables"]))
    yield _code("json", _json(example["answer"]))


def _arguments(field: GraphQLField) -> str:
    """Return a table of the fields of a mutation's input, or of the arguments."""
    inputs = {name: (argument.type, argument.description) for name, argument in field.args.items()}
    if "input" in inputs:
        type_ = get_named_type(field.args["input"].type)
        if not isinstance(type_, GraphQLInputObjectType):
            raise TypeError(f"{type_} is no input type")
        inputs = {name: (given.type, given.description) for name, given in type_.fields.items()}
    if not inputs:
        return ""
    rows = ["| input | type | meaning |", "| --- | --- | --- |"]
    rows += [
        f"| `{name}` | `{type_}` | {' '.join((description or '').split())} |"
        for name, (type_, description) in inputs.items()
    ]
    return "\n".join(rows)


def _allowed(rule: object) -> str:
    if not isinstance(rule, Access):
        raise TypeError("an operation has a rule for everyone alike")
    return rule.value


def _definition(name: str) -> OperationDefinitionNode:
    definition = parse(_text(name)).definitions[0]
    if not isinstance(definition, OperationDefinitionNode):
        raise TypeError(f"{name} does not begin with an operation")
    return definition


def _kind(definition: OperationDefinitionNode) -> str:
    return definition.operation.value.capitalize()


def _root_field(definition: OperationDefinitionNode) -> str:
    [field] = definition.selection_set.selections
    name: str = field.to_dict()["name"]["value"]
    return name


def _codes(meanings: Mapping[Any, str]) -> str:
    rows = ["| code | meaning |", "| --- | --- |"]
    return "\n".join(rows + [f"| `{code}` | {meaning} |" for code, meaning in meanings.items()])


def _sentence(description: str | None) -> str:
    return f"{' '.join(description.split())} " if description else ""


def _text(name: str) -> str:
    return (FOLDER / f"{name}.graphql").read_text().strip()


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _code(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"


def main(arguments: Sequence[str]) -> int | str:
    return write_or_check(FILE, blocks(), "tools.api_reference", arguments)


if __name__ == "__main__":
    run_command(lambda: main(sys.argv[1:]))
