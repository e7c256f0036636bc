"""Measure the prose of docstrings and comments: `python -m tools.prose [--check] [PATH ...]`.

It counts mannered words, and openings that are no sentence ("Of orders that ..."). The codebases
that we learn from have 0.3 to 0.8 such words in 1,000, and 0 to 2.4 % such openings.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kit.command import run_command

ROOT: Final = Path(__file__).resolve().parent.parent
MAX_MANNERED_PER_THOUSAND: Final = 3.0
MAX_FRAGMENTS_PERCENT: Final = 5.0
WORST_FILES: Final = 10

VAGUE_ACTORS: Final = (
    "whoever", "whatever", "whichever", "wherever", "somebody", "nobody", "anybody",
    "by itself", "by themselves", "of ours", "of theirs", "of its own", "of their own",
)  # fmt: skip
VAGUE_VERBS: Final = (
    "tell", "tells", "told", "let be", "see to", "sees to", "insist", "insists", "stands for",
    "turn round", "turns round", "turned round", "take up", "takes up", "taken up",
)  # fmt: skip
ORNAMENTS: Final = (
    "meanwhile", "so many", "no more", "any more", "once more", "at odds", "in turn",
    "all the same", "be it", "as it is", "as they are",
)  # fmt: skip

_PHRASES: Final = "|".join(map(re.escape, (*VAGUE_ACTORS, *VAGUE_VERBS, *ORNAMENTS)))
_MANNERED: Final = re.compile(rf"\b(?:{_PHRASES})\b", re.IGNORECASE)
_FRAGMENT: Final = re.compile(
    r"(?:Of|By|At|Against|With|Without|From|On|In|For|Until|Under|As|After|Once|When|Where"
    r"|How|What|Which|Why|Whether|Those|Also|None|Never)\b"
)
_CODE: Final = re.compile(r"`[^`]*`")
_WORD: Final = re.compile(r"[A-Za-z']+")
_DIRECTIVE: Final = re.compile(r"#\s*(?:!|noqa|type:|pragma|fmt|ruff|mypy)")

_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(slots=True)
class Figures:
    """The figures of some texts. A text is a docstring, or a block of comment lines."""

    texts: int = 0
    words: int = 0
    mannered: Counter[str] = field(default_factory=Counter)
    fragments: int = 0

    @property
    def faults(self) -> int:
        return self.mannered.total() + self.fragments

    @property
    def mannered_per_thousand(self) -> float:
        return 1000 * self.mannered.total() / max(self.words, 1)

    @property
    def fragments_percent(self) -> float:
        return 100 * self.fragments / max(self.texts, 1)

    @property
    def is_plain(self) -> bool:
        return (
            self.mannered_per_thousand <= MAX_MANNERED_PER_THOUSAND
            and self.fragments_percent <= MAX_FRAGMENTS_PERCENT
        )

    def add(self, other: Figures) -> None:
        self.texts += other.texts
        self.words += other.words
        self.mannered += other.mannered
        self.fragments += other.fragments


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.prose", description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when a limit is exceeded")
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="default: everything")
    arguments = parser.parse_args()
    by_file = {path: figures_of(path.read_text("utf-8")) for path in _files(arguments.paths)}
    print("\n".join(report(by_file)))  # noqa: T201 - the report is the command's output
    return int(arguments.check and not total(by_file.values()).is_plain)


def figures_of(source: str) -> Figures:
    """Measure the docstrings and comments of a Python module."""
    figures = Figures()
    for text in (*docstrings(source), *comments(source)):
        prose = _CODE.sub("X", " ".join(text.split()))
        figures.texts += 1
        figures.words += len(_WORD.findall(prose))
        figures.mannered.update(phrase.lower() for phrase in _MANNERED.findall(prose))
        figures.fragments += bool(_FRAGMENT.match(prose))
    return figures


def total(parts: Iterable[Figures]) -> Figures:
    whole = Figures()
    for part in parts:
        whole.add(part)
    return whole


def docstrings(source: str) -> Iterator[str]:
    """Yield the docstrings, those of attributes included."""
    for node in ast.walk(ast.parse(source)):
        for statement in node.body if isinstance(node, _Documented) else ():
            value = statement.value if isinstance(statement, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield value.value


def comments(source: str) -> Iterator[str]:
    """Yield the comments. Consecutive lines at the same indentation are one comment."""
    block: list[str] = []
    following = (-1, -1)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT or _DIRECTIVE.match(token.string):
            continue
        if token.start != following and block:
            yield " ".join(block)
            block = []
        block.append(token.string.lstrip("# "))
        following = (token.start[0] + 1, token.start[1])
    if block:
        yield " ".join(block)


def report(by_file: dict[Path, Figures]) -> Iterator[str]:
    """Yield a line for the tree and, if it exceeds a limit, one for each of the worst files."""
    whole = total(by_file.values())
    yield (
        f"{whole.words} words: {whole.mannered_per_thousand:.1f} mannered in 1,000"
        f" (at most {MAX_MANNERED_PER_THOUSAND:g}),"
        f" {whole.fragments_percent:.1f} % of openings are fragments"
        f" (at most {MAX_FRAGMENTS_PERCENT:g} %)"
    )
    if whole.is_plain:
        return
    worst = sorted(by_file, key=lambda path: (-by_file[path].faults, path))
    for path in worst[:WORST_FILES]:
        figures = by_file[path]
        words = (f"{phrase} {count}" for phrase, count in figures.mannered.most_common())
        yield f"{path}: {', '.join((*words, f'fragments {figures.fragments}'))}"


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths or [ROOT]:
        if path.is_file():
            yield path
        for file in sorted(path.rglob("*.py")):
            parts = file.relative_to(path).parts
            if not any(part.startswith(".") or part in {"build", "__pycache__"} for part in parts):
                yield file.relative_to(ROOT) if path is ROOT else file


if __name__ == "__main__":
    run_command(main)
