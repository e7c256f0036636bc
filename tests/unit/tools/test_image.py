"""What the image contains, which secrets are found in it, and how large it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import image_size
from tools.image_files import ROOT, UnreadableIgnoreFile, image_files
from tools.image_secrets import secrets_in
from tools.image_size import NotAsLocked, locked_packages, package_size, sizes

DOCKERFILE = "FROM base\nUSER 10001\n"


def checkout(folder: Path, ignore: str = "*\n!app\n**/__pycache__\n", **files: str) -> Path:
    for name, text in {".dockerignore": ignore, "Dockerfile": DOCKERFILE, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_the_image_holds_what_the_ignore_file_names_and_nothing_else(tmp_path: Path) -> None:
    root = checkout(
        tmp_path, **{"app/a.py": "", "app/__pycache__/a.pyc": "", "b.py": "", ".env": ""}
    )
    assert [str(file.relative_to(root)) for file in image_files(root)] == ["app/a.py"]


@pytest.mark.parametrize("ignore", ["!app\n", "*\n!app\napp/secret\n", "*\n!app\n**/a/b\n"])
def test_an_ignore_file_that_is_not_understood_is_refused(tmp_path: Path, ignore: str) -> None:
    with pytest.raises(UnreadableIgnoreFile):
        list(image_files(checkout(tmp_path, ignore)))


def test_our_image_holds_no_secret() -> None:
    assert list(secrets_in()) == []


def test_our_image_holds_the_code_and_no_recorded_example() -> None:
    names = {str(file.relative_to(ROOT)) for file in image_files()}
    assert {"worker.py", "graphql/api/app.py", "alembic.ini"} <= names
    assert not [name for name in names if name.startswith(("tests/", "graphql/examples/", "."))]


@pytest.mark.parametrize(
    "name",
    [".env", ".env.production", "stack.env", "server.pem", "tls.key", "id_ed25519", ".pgpass"],
)
def test_a_file_that_holds_secrets_is_found_by_its_name(tmp_path: Path, name: str) -> None:
    root = checkout(tmp_path, **{f"app/{name}": ""})
    assert list(secrets_in(root)) == [f"app/{name}: a file of this name holds secrets"]


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN PRIVATE KEY" + "-----",
        "-----BEGIN EC PRIVATE KEY" + "-----",
        "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
        "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "postgresql://waybill:" + "3f2a9c1e77@db.example/waybill",
        'jwt_secret = "' + '9f86d081884c7d659a2feaa0c55ad015"',
        '{"api_key": "' + 'a3b1c9d4e5f60718293a4b5c6d7e8f90"}',
        "AKIA" + "IOSFODNN7EXAMPLE",
    ],
)
def test_a_secret_in_a_copied_file_is_found_and_not_shown(tmp_path: Path, text: str) -> None:
    root = checkout(tmp_path, **{"app/a.py": f"# a comment\n{text}\n"})
    assert list(secrets_in(root)) == ["app/a.py:2: this looks like a secret"]


@pytest.mark.parametrize("line", ["ARG API_KEY", "ENV A=1 \\\n    WAYBILL_JWT_SECRET=x"])
def test_a_secret_given_to_the_build_is_found(tmp_path: Path, line: str) -> None:
    root = checkout(tmp_path, Dockerfile=f"FROM base\n{line}\n")
    (found,) = secrets_in(root)
    assert found.endswith("would stay in a layer: give it to the container instead")


def test_a_lock_is_read_for_this_platform_alone() -> None:
    lock = "a==1.0 \\\n    --hash=x\nb==2 ; sys_platform == 'never' \\\n    --hash=y\nc-d==3.1\n"
    assert locked_packages(lock) == {"a": "1.0", "c-d": "3.1"}


def test_our_image_adds_less_to_its_base_than_agreed() -> None:
    found = sizes()
    assert image_size.megabytes(found) < image_size.MAX_MEGABYTES
    assert found["temporalio"] > 30_000_000  # the measure sees libraries, not names alone


def test_a_package_that_is_not_as_locked_is_named() -> None:
    with pytest.raises(NotAsLocked, match=r"no-such-package 1\.0 is not installed"):
        package_size("no-such-package", "1.0")
    with pytest.raises(NotAsLocked, match=r"temporalio is .* here and 0\.1 in the lock"):
        package_size("temporalio", "0.1")


def test_the_check_fails_from_the_bound_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(image_size, "sizes", lambda: {"big": 260_000_000, "small": 0})
    monkeypatch.setattr("sys.argv", ["image_size", "--check"])
    with pytest.raises(SystemExit, match="260 MB or more"):
        image_size.main()
    assert "260.0 MB  big" in capsys.readouterr().out
