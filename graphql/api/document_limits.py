"""Check a document against bounds in one walk, before any validation rule runs.

The time of some validation rules grows with the square of the number of compared selections. Some
implementations walk a fragment once for each path that leads to it. This walk measures each
fragment once. So refusing a document takes time linear in its length, and accepted ones are small.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    TokenKind,
)

from api.errors import RequestError, RequestErrorCode

MAX_CHARACTERS: Final = 20_000
MAX_TOKENS: Final = 1_000
MAX_DEPTH: Final = 12
"""The depth of nested fields that have a selection, without introspection."""
MAX_ALIASES: Final = 30
MAX_DIGITS: Final = 100
"""The length of one number. Python refuses to parse a number of more than 4,300 digits."""
MAX_SELECTIONS: Final = 2_000
"""Fields and fragments of all definitions. Each spread counts its fragment again."""
MAX_OVERLAPS: Final = 1_000
"""Pairs of selections with the same place in the response. A validation rule compares each pair."""


class DocumentTooLarge(RequestError):
    """The document exceeds a bound. The message names the bound."""

    def __init__(self, excess: str) -> None:
        message = f"the document has {excess}: ask for less in one request"
        super().__init__(RequestErrorCode.BAD_USER_INPUT, message)


def check_length(text: str | None) -> None:
    """Raise DocumentTooLarge for a text that is too long to parse."""
    _require(len(text or "") <= MAX_CHARACTERS, f"more than {MAX_CHARACTERS} characters")


def check_document(document: DocumentNode) -> None:
    """Raise DocumentTooLarge for the first bound that the document exceeds."""
    _check_numbers(document)
    walk = _Walk(document)
    walk.measure_definitions()
    walk.count_overlaps()


def _check_numbers(document: DocumentNode) -> None:
    token = document.loc.start_token if document.loc else None
    while token is not None:
        if token.kind in {TokenKind.INT, TokenKind.FLOAT}:
            is_short = len(token.value or "") <= MAX_DIGITS
            _require(is_short, f"a number of more than {MAX_DIGITS} digits")
        token = token.next


@dataclass(frozen=True, slots=True)
class _Size:
    depth: int = 0
    aliases: int = 0
    selections: int = 0

    def beside(self, other: _Size) -> _Size:
        return _Size(
            max(self.depth, other.depth),
            self.aliases + other.aliases,
            self.selections + other.selections,
        )


class _Walk:
    """Measures one document. It measures each fragment once and remembers the result."""

    def __init__(self, document: DocumentNode) -> None:
        self._definitions = [
            definition
            for definition in document.definitions
            if isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode)
        ]
        self._fragments = {
            definition.name.value: definition
            for definition in self._definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._sizes: dict[str, _Size] = {}
        self._open: set[str] = set()
        self._overlaps = 0

    def measure_definitions(self) -> None:
        total = 0
        for definition in self._definitions:
            if isinstance(definition, FragmentDefinitionNode):
                size = self._fragment(definition.name.value)
            else:
                size = self._measure(definition.selection_set)
                _require(size.depth <= MAX_DEPTH, f"fields nested more than {MAX_DEPTH} deep")
                _require(size.aliases <= MAX_ALIASES, f"more than {MAX_ALIASES} aliases")
            total += size.selections
            _require_few(total)

    def _measure(self, selection_set: SelectionSetNode) -> _Size:
        size = _Size()
        for selection in selection_set.selections:
            size = size.beside(self._selection(selection))
            _require_few(size.selections)
        return size

    def _selection(self, selection: SelectionNode) -> _Size:
        if isinstance(selection, FragmentSpreadNode):
            inner = self._fragment(selection.name.value)
            return _Size(inner.depth, inner.aliases, inner.selections + 1)
        inner = self._measure(subset) if (subset := _subset(selection)) else _Size()
        if not isinstance(selection, FieldNode):
            return _Size(inner.depth, inner.aliases, inner.selections + 1)
        is_introspection = selection.name.value.startswith("__")
        depth = 0 if subset is None or is_introspection else inner.depth + 1
        has_alias = selection.alias is not None
        return _Size(depth, inner.aliases + has_alias, inner.selections + 1)

    def _fragment(self, name: str) -> _Size:
        """Measure a fragment. An unknown one counts 0, because a validation rule reports it."""
        if name in self._sizes or name not in self._fragments:
            return self._sizes.get(name, _Size())
        _require(name not in self._open, f"the fragment {name}, which spreads itself")
        self._open.add(name)
        size = self._sizes[name] = self._measure(self._fragments[name].selection_set)
        self._open.remove(name)
        return size

    def count_overlaps(self) -> None:
        for definition in self._definitions:
            self._count_overlaps([definition.selection_set])

    def _count_overlaps(self, merged: Sequence[SelectionSetNode]) -> None:
        spreads = 0
        fields: dict[str, list[FieldNode]] = defaultdict(list)
        for selection in self._expanded(merged):
            if isinstance(selection, FieldNode):
                fields[(selection.alias or selection.name).value].append(selection)
            else:
                spreads += 1
        self._overlaps += _pairs(spreads) + sum(_pairs(len(same)) for same in fields.values())
        _require(
            self._overlaps <= MAX_OVERLAPS, "the same fields or fragments selected too many times"
        )
        for same in fields.values():
            if subsets := [field.selection_set for field in same if field.selection_set]:
                self._count_overlaps(subsets)

    def _expanded(self, merged: Sequence[SelectionSetNode]) -> Iterator[SelectionNode]:
        """Yield the fields of these selection sets and of their fragments, and the spreads."""
        for selection_set in merged:
            for selection in selection_set.selections:
                if isinstance(selection, FragmentSpreadNode):
                    yield selection
                    fragment = self._fragments.get(selection.name.value)
                    if fragment is not None:
                        yield from self._expanded([fragment.selection_set])
                elif isinstance(selection, FieldNode):
                    yield selection
                elif subset := _subset(selection):
                    yield from self._expanded([subset])


def _subset(selection: SelectionNode) -> SelectionSetNode | None:
    return getattr(selection, "selection_set", None)


def _pairs(count: int) -> int:
    return count * (count - 1) // 2


def _require_few(selections: int) -> None:
    _require(selections <= MAX_SELECTIONS, f"more than {MAX_SELECTIONS} fields and fragments")


def _require(is_within: bool, excess: str) -> None:
    if not is_within:
        raise DocumentTooLarge(excess)
