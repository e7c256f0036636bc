"""WAYBILL_DATABASE_URL is read as PostgreSQL's URLs are, and refused when it is wrong."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from database_url import DatabaseUrl, InvalidDatabaseUrl
from settings import SettingsError, load_settings
from tests.integration.connections.authority import Authority

PASSWORD = "s3cretWord"  # noqa: S105 - what no message may show


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Write a root certificate into a file."""
    return Authority(tmp_path, "root").root


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("postgresql://u:p@h/d", [("h", 5432)]),
        ("postgres://u:p@h:1/d", [("h", 1)]),
        ("postgresql+asyncpg://u:p@h:1/d", [("h", 1)]),
        ("postgresql://u:p@[::1]:5433/d", [("::1", 5433)]),
        ("postgresql://u:p@a:1,b:2/d", [("a", 1), ("b", 2)]),
        ("postgresql://u:p@a,b:2,[::1]/d", [("a", 5432), ("b", 2), ("::1", 5432)]),
        ("postgresql://u:p@/d?host=a,b&port=1,2", [("a", 1), ("b", 2)]),
        ("postgresql://u:p@/d?host=a,b&port=7", [("a", 7), ("b", 7)]),
        ("postgresql://u:p@/d?host=a:1&host=b:2", [("a", 1), ("b", 2)]),
        ("postgresql://u:p@/d?host=/run/postgresql", [("/run/postgresql", 5432)]),
        ("postgresql://u:p@%2Frun%2Fpostgresql/d", [("/run/postgresql", 5432)]),
    ],
)
def test_each_spelling_of_hosts_names_the_same_servers(
    text: str, servers: list[tuple[str, int]]
) -> None:
    assert list(DatabaseUrl.parse(text).servers) == servers


def test_names_and_passwords_are_percent_decoded() -> None:
    url = DatabaseUrl.parse("postgresql://a%40b:p%2F%3F%23%40%3A@h/d%20e")

    assert (url.user, url.password, url.database) == ("a@b", "p/?#@:", "d e")
    assert "p/?#@:" not in repr(url)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("postgresql://h/d", "any"),
        ("postgresql://a,b/d", "read-write"),
        ("postgresql://a,b/d?target_session_attrs=any", "any"),
        ("postgresql://h/d?target_session_attrs=primary", "primary"),
    ],
)
def test_a_writable_server_is_wanted_among_several(text: str, wanted: str) -> None:
    assert DatabaseUrl.parse(text).target_session_attrs == wanted


def test_an_optional_tls_is_left_to_the_driver() -> None:
    modes = ["", "?sslmode=prefer", "?sslmode=allow", "?sslmode=disable"]

    tls = [DatabaseUrl.parse(f"postgresql://h/d{mode}").tls for mode in modes]

    assert tls == ["prefer", "prefer", "allow", False]


@pytest.mark.parametrize(
    ("mode", "verifies", "checks_the_name"),
    [
        ("require", ssl.CERT_REQUIRED, False),
        ("verify-ca", ssl.CERT_REQUIRED, False),
        ("verify-full", ssl.CERT_REQUIRED, True),
    ],
)
def test_each_mode_verifies_with_a_root_certificate(
    mode: str, verifies: ssl.VerifyMode, checks_the_name: bool, root: Path
) -> None:
    tls = DatabaseUrl.parse(f"postgresql://h/d?sslmode={mode}&sslrootcert={root}").tls

    assert isinstance(tls, ssl.SSLContext)
    assert (tls.verify_mode, tls.check_hostname) == (verifies, checks_the_name)


def test_the_machines_own_roots_can_be_named() -> None:
    tls = DatabaseUrl.parse("postgresql://h/d?sslmode=verify-full&sslrootcert=system").tls

    assert isinstance(tls, ssl.SSLContext)
    assert (tls.verify_mode, tls.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_the_environment_does_not_change_the_arguments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGSSLMODE", "PGTARGETSESSIONATTRS"):
        monkeypatch.setenv(name, "other")
    url = DatabaseUrl.parse("postgresql://u:p@h:1/d")

    assert url.arguments(url.servers[0]) == {
        "host": "h",
        "port": 1,
        "user": "u",
        "password": "p",
        "database": "d",
        "ssl": "prefer",
        "direct_tls": False,
        "target_session_attrs": "any",
    }


AUTH = f"postgresql://u:{PASSWORD}"
WRONG = {
    "": "must begin with postgresql://",
    f"mysql://u:{PASSWORD}@h/d": "must begin with postgresql://",
    f"{AUTH}@h": "names no database",
    f"{AUTH}@h/": "names no database",
    f"{AUTH}@/d": "must name each host",
    f"{AUTH}@a,,b/d": "must name each host",
    f"{AUTH}@h:x/d": "must name each host",
    f"{AUTH}@h:0/d": "between 1 and 65535",
    f"{AUTH}@h:65536/d": "between 1 and 65535",
    f"{AUTH}@[::1/d": "check its brackets",
    f"{AUTH}@h/d?host=a": "names its hosts twice",
    f"{AUTH}@/d?host=a,b,c&port=1,2": "one port=, or one for each host",
    f"{AUTH}@h/d?ssl=true": "unknown parameter ssl",
    f"{AUTH}@h/d?sslmode=": "sslmode without a value",
    f"{AUTH}@h/d?sslmode=on": "sslmode must be one of disable, allow, prefer, require",
    f"{AUTH}@h/d?target_session_attrs=writable": "target_session_attrs must be one of any",
    f"{AUTH}@h/d?sslmode=verify-full": "sslmode=verify-full needs sslrootcert",
    f"{AUTH}@h/d?sslmode=verify-full&sslrootcert=/no/file": "there is no file /no/file",
    f"{AUTH}@h/d?sslmode=verify-full&sslrootcert={__file__}": "cannot be read as PEM",
    f"{AUTH}@h/d?sslmode=require&sslrootcert=system": "needs sslmode=verify-full",
    f"{AUTH}@h/d?sslrootcert=/some/file": "sslrootcert needs sslmode=verify-full",
    f"{AUTH}@h/d?sslmode=prefer&sslcert=/some/file": "sslcert needs sslmode=verify-full",
    f"{AUTH}@h/d?sslmode=require&sslkey=/no/file": "sslkey needs sslcert",
    f"{AUTH}@h/d?sslmode=require&sslcert=/no/file": "sslcert: there is no file /no/file",
    # Passwords that were not percent-encoded:
    f"postgresql://u:x/{PASSWORD}@h/d": "percent-encoded",
    f"postgresql://u:x?{PASSWORD}@h/d": "percent-encoded",
    f"postgresql://u:x#{PASSWORD}@h/d": "percent-encoded",
    f"postgresql://u:x]{PASSWORD}@h/d": "check its brackets",
}


@pytest.mark.parametrize("text", WRONG, ids=WRONG.values())
def test_a_wrong_url_is_refused_without_its_password(text: str) -> None:
    with pytest.raises(InvalidDatabaseUrl) as refusal:
        DatabaseUrl.parse(text)

    assert WRONG[text] in str(refusal.value)
    assert PASSWORD not in str(refusal.value)


@pytest.mark.parametrize("text", [text for text in WRONG if text])
def test_the_settings_name_the_variable_in_one_line(
    text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WAYBILL_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("WAYBILL_DATABASE_URL", text)
    load_settings.cache_clear()

    with pytest.raises(SettingsError) as refusal:
        load_settings()

    assert str(refusal.value).startswith("WAYBILL_DATABASE_URL: ")
    assert WRONG[text] in str(refusal.value)
    assert PASSWORD not in str(refusal.value)
    assert "\n" not in str(refusal.value)
    load_settings.cache_clear()
