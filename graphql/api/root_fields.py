"""Find the fields that an operation selects on its root type, through its fragments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    SelectionSetNode,
    get_operation_ast,
)


def root_fields(document: DocumentNode, operation_name: str | None) -> list[FieldNode]:
    """Return the fields of the operation; none if the document has no such operation."""
    operation = get_operation_ast(document, operation_name)
    if operation is None:
        return []
    fragments = {
        part.name.value: part.selection_set
        for part in document.definitions
        if isinstance(part, FragmentDefinitionNode)
    }
    return list(_fields(operation.selection_set, fragments, set()))


def _fields(
    selected: SelectionSetNode, fragments: Mapping[str, SelectionSetNode], seen: set[str]
) -> Iterator[FieldNode]:
    """Yield the fields; those of a fragment once, however often it is spread."""
    for selection in selected.selections:
        match selection:
            case FieldNode():
                yield selection
            case InlineFragmentNode():
                yield from _fields(selection.selection_set, fragments, seen)
            case FragmentSpreadNode() if selection.name.value not in seen:
                seen.add(selection.name.value)
                yield from _fields(fragments[selection.name.value], fragments, seen)
