"""Links in the documentation lead somewhere, and the index of the decisions is complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DECISIONS = ROOT / "docs" / "decisions"
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "migrations/*.md", "tests/histories/*.md")
    for path in ROOT.glob(pattern)
)
SOURCES = sorted(
    path
    for package in ROOT.iterdir()
    if package.is_dir() and not package.name.startswith(".")
    for suffix in ("*.py", "*.sql")
    for path in package.rglob(suffix)
)
LINK = re.compile(r"\]\((?![a-z]+:)([^)#\s]+)")
MENTION = re.compile(r"docs/[\w/-]+\.md")


def test_the_documentation_and_the_sources_are_found() -> None:
    assert ROOT / "README.md" in PAGES
    assert ROOT / "domain" / "registry.py" in SOURCES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_links_only_to_files_that_exist(page: Path) -> None:
    text = page.read_text()
    links = [page.parent / link for link in LINK.findall(text)]
    links += [ROOT / mention for mention in MENTION.findall(text)]
    assert [str(link) for link in links if not link.exists()] == []


def test_the_sources_mention_only_pages_that_exist() -> None:
    mentions = {(path, page) for path in SOURCES for page in MENTION.findall(path.read_text())}
    assert mentions
    assert [(path, page) for path, page in mentions if not (ROOT / page).exists()] == []


def test_the_index_lists_every_decision_with_its_number_and_date() -> None:
    listed = re.findall(
        r"^\| \[(\d{4})\]\((\1-[\w-]+\.md)\) \| ([\d-]{10}) \|",
        (DECISIONS / "README.md").read_text(),
        re.MULTILINE,
    )
    names = sorted(page.name for page in DECISIONS.glob("*.md") if page.name != "README.md")
    assert [name for _, name, _ in listed] == names
    assert [int(number) for number, _, _ in listed] == list(range(1, len(names) + 1))
    for _, name, date in listed:
        title, blank, dated = (DECISIONS / name).read_text().split("\n")[:3]
        assert (title[:2], blank, dated) == ("# ", "", f"Date: {date}")
