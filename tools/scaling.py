"""stub"""
from collections.abc import Sequence
from pathlib import Path
from stack.processes import ROOT
LOAD = ROOT / "benchmarks" / "results" / "load.json"
PICTURE = ROOT / "docs" / "images" / "load.svg"
def main(arguments: Sequence[str]) -> int | str:
    return 0
