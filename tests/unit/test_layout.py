from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_graphql_is_a_plain_folder_and_no_package() -> None:
    assert (ROOT / "graphql" / "api" / "__init__.py").exists()
    assert not (ROOT / "graphql" / "__init__.py").exists()


def test_import_graphql_is_graphql_core_also_with_the_checkout_first_on_the_path() -> None:
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import graphql; print(graphql.parse)"

    answer = subprocess.run(  # noqa: S603 - our own interpreter, our own words
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert answer.stdout.startswith("<function parse at")
