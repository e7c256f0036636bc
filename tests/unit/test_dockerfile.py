"""The instructions of the Dockerfile, read as Docker reads them."""

from __future__ import annotations

import json
import re

from settings import Settings
from stack.processes import ROOT

Instruction = tuple[str, str]


def stages() -> list[list[Instruction]]:
    """Return the instructions of each stage, without comments, with continued lines joined."""
    text = (ROOT / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    found: list[list[Instruction]] = []
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        name, _, value = " ".join(line.split()).partition(" ")
        if name == "FROM":
            found.append([])
        if name:
            found[-1].append((name, value))
    return found


BUILD, RESULT = stages()


def values(stage: list[Instruction], name: str) -> list[str]:
    return [value for instruction, value in stage if instruction == name]


def test_both_stages_begin_from_the_same_pinned_image() -> None:
    (build,), (result,) = values(BUILD, "FROM"), values(RESULT, "FROM")
    assert build == f"{result} AS packages"
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+(@sha256:[0-9a-f]{64})?", result)


def test_it_runs_as_a_numbered_user_that_is_not_root() -> None:
    assert values(RESULT, "USER") == ["10001"]
    after = RESULT[RESULT.index(("USER", "10001")) + 1 :]
    assert {name for name, _ in after} == {"EXPOSE", "STOPSIGNAL", "CMD"}


def test_packages_are_wheels_with_known_hashes_and_without_bytecode() -> None:
    (install,) = values(BUILD, "RUN")
    for option in ("--require-hashes", "--only-binary=:all:", "--no-compile"):
        assert option in install
    assert "--requirement /production.lock" in install
    assert values(BUILD, "COPY") == ["locks/production.lock /"]


def test_the_result_holds_no_build_tool() -> None:
    (install,) = values(BUILD, "RUN")
    assert install.endswith("/venv/bin/pip uninstall --yes pip")
    commands = " ".join(values(RESULT, "RUN"))
    assert not re.search(r"\b(apt|apt-get|pip|curl|wget|gcc|make|git)\b", commands)
    assert values(RESULT, "COPY") == ["--from=packages /venv /venv", ". /app"]


def test_nothing_is_fetched_by_address_and_no_argument_reaches_a_layer() -> None:
    for stage in (BUILD, RESULT):
        assert {"ADD", "ARG", "ONBUILD", "SHELL", "VOLUME"}.isdisjoint(name for name, _ in stage)


def test_the_variables_of_the_image_are_settings_or_pythons_own() -> None:
    given = re.findall(r"(\w+)=", " ".join(values(RESULT, "ENV")))
    ours = {name.removeprefix("WAYBILL_").lower() for name in given if name.startswith("WAYBILL_")}
    assert ours == {"data_dir", "environment"}
    assert ours <= Settings.model_fields.keys()
    assert {name for name in given if not name.startswith(("WAYBILL_", "PYTHON"))} == {"PATH"}


def test_the_command_is_the_api_and_needs_no_shell() -> None:
    (command,) = values(RESULT, "CMD")
    assert json.loads(command)[:3] == ["python", "-m", "api"]
    assert values(RESULT, "STOPSIGNAL") == ["SIGTERM"]
