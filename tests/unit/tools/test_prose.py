from __future__ import annotations

from pathlib import Path

import pytest

from tools.prose import Figures, comments, docstrings, figures_of, report

MODULE = '''
"""Return the orders that have no running workflow."""

# Whoever takes an order up
# is told of it by itself.
LIMIT = 3  # noqa: X - nobody counts this
"""Of so many orders, at most, in one run."""


class Order:
    # The carrier is asked.

    async def ship(self) -> None:
        """Ship it. `whoever` is a name here, not a word."""
        value = "nobody reads this string"
        print(value)  # never sent twice
'''


def test_docstrings_are_those_of_modules_attributes_and_functions() -> None:
    assert list(docstrings(MODULE)) == [
        "Return the orders that have no running workflow.",
        "Of so many orders, at most, in one run.",
        "Ship it. `whoever` is a name here, not a word.",
    ]


def test_comment_lines_of_a_block_are_one_text_and_directives_are_none() -> None:
    assert list(comments(MODULE)) == [
        "Whoever takes an order up is told of it by itself.",
        "The carrier is asked.",
        "never sent twice",
    ]


def test_mannered_words_and_fragments_are_counted_outside_code() -> None:
    figures = figures_of(MODULE)
    assert figures.mannered == {"whoever": 1, "told": 1, "by itself": 1, "so many": 1}
    assert (figures.texts, figures.words, figures.fragments) == (6, 45, 1)
    assert round(figures.mannered_per_thousand, 1) == 88.9
    assert round(figures.fragments_percent, 1) == 16.7


@pytest.mark.parametrize(
    ("opening", "is_fragment"),
    [
        ("Whether the order is open.", True),
        ("Of an order that has ended.", True),
        ("What the carrier said.", True),
        ("Return whether the order is open.", False),
        ("The order has ended.", False),
        ("Offer a product.", False),
        ("for a while", False),
    ],
)
def test_a_fragment_is_known_by_its_first_word(opening: str, is_fragment: bool) -> None:
    assert figures_of(f'"""{opening}"""').fragments == is_fragment


def test_a_phrase_across_two_lines_is_found() -> None:
    assert figures_of('"""The saga turns\n    round."""').mannered == {"turns round": 1}


@pytest.mark.parametrize(
    ("mannered", "fragments", "is_plain"), [(3, 5, True), (4, 5, False), (3, 6, False)]
)
def test_the_limits_are_three_in_a_thousand_and_five_percent(
    mannered: int, fragments: int, is_plain: bool
) -> None:
    figures = figures_of("")
    figures.texts, figures.words, figures.fragments = 100, 1000, fragments
    figures.mannered.update({"whoever": mannered})
    assert figures.is_plain is is_plain


def test_a_plain_tree_is_reported_in_one_line() -> None:
    assert list(report({Path("a.py"): figures_of('"""Return the order."""')})) == [
        "3 words: 0.0 mannered in 1,000 (at most 3), 0.0 % of openings are fragments (at most 5 %)"
    ]


def test_a_tree_above_a_limit_is_reported_with_its_ten_worst_files() -> None:
    by_file = {Path(f"f{n:02}.py"): figures_of('"""Told."""') for n in range(12)}
    by_file[Path("worst.py")] = figures_of('"""Whoever tells whoever."""\n"""Of it."""')
    by_file[Path("good.py")] = Figures(texts=1, words=9)
    summary, *worst = report(by_file)
    assert summary == (
        "26 words: 576.9 mannered in 1,000 (at most 3),"
        " 6.7 % of openings are fragments (at most 5 %)"
    )
    assert worst[0] == "worst.py: whoever 2, tells 1, fragments 1"
    assert worst[1:] == [f"f{n:02}.py: told 1, fragments 0" for n in range(9)]
