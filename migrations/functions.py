"""Replace in place the functions and views of eventstore/sql that changed.

A comment on each function records two digests: one of its file and roles, one of the definition and
our roles' grants in PostgreSQL. So an upgrade also repairs a function that was altered by hand or
lost one of these grants.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from alembic import context
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from migrations.errors import detail, first_line, sqlstate
from settings import DatabaseRole

SQL: Final = Path(__file__).parent.parent / "eventstore" / "sql"

ASIDE: Final = "__replaced"
"""The suffix of a function that was moved aside because its result changed."""

_OTHER_RESULT: Final = ("42P13", "42P16")
"""invalid_function_definition, invalid_table_definition: REPLACE cannot change a result."""
_DEPENDENT_OBJECTS: Final = "2BP01"

_OURS: Final = """
    (SELECT string_agg(item::text, ',' ORDER BY item::text) FROM unnest({acl}) AS item
     WHERE item::text ~ '^waybill_')
"""
_ROUTINES: Final = text(f"""
    SELECT 'FUNCTION' AS kind, oid::bigint, oid::regprocedure::text AS signature, ctid::text AS row,
           obj_description(oid, 'pg_proc') AS mark, proacl AS acl,
           md5(concat(pg_get_functiondef(oid), {_OURS.format(acl="proacl")})) AS state
    FROM pg_proc
    WHERE pronamespace = 'eventstore'::regnamespace AND proname ~ :name AND prokind = 'f'
    UNION ALL
    SELECT 'VIEW', oid::bigint, oid::regclass::text, ctid::text,
           obj_description(oid, 'pg_class'), relacl,
           md5(concat(pg_get_viewdef(oid), {_OURS.format(acl="relacl")}))
    FROM pg_class
    WHERE relnamespace = 'eventstore'::regnamespace AND relname ~ :name AND relkind = 'v'
""")  # noqa: S608 - of our own parts
_GRANTED: Final = text("""
    SELECT privilege_type AS privilege,
           CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END AS role,
           CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
    FROM aclexplode(cast(:acl AS aclitem[]))
    WHERE grantee <> grantor
""")


@dataclass(frozen=True, slots=True)
class Routine:
    """A function or view as PostgreSQL has it; `row` changes whenever it is written."""

    kind: str
    oid: int
    signature: str
    row: str
    mark: str | None
    acl: list[str] | None
    state: str


def install(connection: Connection, functions: Mapping[str, Sequence[DatabaseRole]]) -> None:
    """Create missing functions and replace changed ones. Raises CommandError.

    After a function was moved aside, replace all that follow it as well, because they may still
    use the old one.
    """
    _drop(connection, _found(connection, f"{ASIDE}$"))
    aside: list[Routine] = []
    for name, roles in functions.items():
        source = (SQL / f"{name}.sql").read_text()
        digest = hashlib.sha256(f"{source}{roles}".encode()).hexdigest()[:16]
        if aside or not _is_installed(connection, name, digest):
            aside += _replace(connection, name, source, roles, digest)
    _require_droppable(connection, aside)


def print_functions(functions: Mapping[str, Sequence[DatabaseRole]]) -> None:
    """Print every function for `upgrade --sql`, because no database says which ones changed."""
    for name, roles in functions.items():
        source = (SQL / f"{name}.sql").read_text()
        is_view = "CREATE OR REPLACE VIEW" in source
        context.static_output(f"{source.rstrip()};\n")
        for statement in _grants("VIEW" if is_view else "FUNCTION", f"eventstore.{name}", roles):
            context.static_output(f"{statement};\n")


def _found(connection: Connection, pattern: str) -> list[Routine]:
    return [Routine(*row) for row in connection.execute(_ROUTINES, {"name": pattern})]


def _is_installed(connection: Connection, name: str, digest: str) -> bool:
    return any(r.mark == f"{digest} {r.state}" for r in _found(connection, f"^{name}$"))


def _replace(
    connection: Connection, name: str, source: str, roles: Sequence[DatabaseRole], digest: str
) -> list[Routine]:
    """Replace one function; return the old one if it was moved aside, under its new name."""
    before = _found(connection, f"^{name}$")
    aside = _create(connection, source, before)
    rows = {routine.row for routine in before}
    (created,) = (r for r in _found(connection, f"^{name}$") if r.row not in rows)
    for old in aside:
        _grant_again(connection, created, old)
    for grant in _grants(created.kind, created.signature, roles, is_new=created.acl is None):
        connection.exec_driver_sql(grant)
    (now,) = (r for r in _found(connection, f"^{name}$") if r.signature == created.signature)
    mark = f"{digest} {now.state}"
    connection.exec_driver_sql(f"COMMENT ON {now.kind} {now.signature} IS '{mark}'")
    return [r for r in _found(connection, f"^{name}{ASIDE}$") if aside]


def _create(connection: Connection, source: str, before: Sequence[Routine]) -> list[Routine]:
    """Replace in place; return the old function if its other result forced it aside."""
    try:
        with connection.begin_nested():
            connection.exec_driver_sql(source)
    except DBAPIError as error:
        if sqlstate(error) not in _OTHER_RESULT:
            raise
        return [next(old for old in before if _moved_aside(connection, source, old))]
    return []


def _moved_aside(connection: Connection, source: str, old: Routine) -> bool:
    """Rename the old function and create the new one; return False if that does not help.

    A statement that runs at this moment still finds the renamed function.
    """
    name = old.signature.removeprefix("eventstore.").partition("(")[0]
    try:
        with connection.begin_nested():
            connection.exec_driver_sql(f"ALTER {old.kind} {old.signature} RENAME TO {name}{ASIDE}")
            connection.exec_driver_sql(source)
    except DBAPIError as error:
        if sqlstate(error) not in _OTHER_RESULT:
            raise
        return False
    return True


def _grants(
    kind: str, signature: str, roles: Sequence[DatabaseRole], *, is_new: bool = True
) -> Iterator[str]:
    groups = ", ".join(role.group for role in roles)
    if kind == "VIEW":
        yield f"GRANT SELECT ON {signature} TO {groups}"
        return
    if is_new:  # PostgreSQL lets every role execute it
        yield f"REVOKE EXECUTE ON FUNCTION {signature} FROM PUBLIC"
    yield f"GRANT EXECUTE ON FUNCTION {signature} TO {groups}"


def _grant_again(connection: Connection, created: Routine, old: Routine) -> None:
    """Repeat every grant on the old function for the new one."""
    kind = created.kind.replace("VIEW", "TABLE")
    for granted in connection.execute(_GRANTED, {"acl": old.acl}).all():
        connection.exec_driver_sql(
            f"GRANT {granted.privilege} ON {kind} {created.signature}"
            f" TO {granted.role}{granted.option}"
        )


def _drop(connection: Connection, routines: Iterable[Routine]) -> None:
    """Drop the newest first, because it may use the older ones."""
    try:
        for old in sorted(routines, key=lambda routine: routine.oid, reverse=True):
            connection.exec_driver_sql(f"DROP {old.kind} {old.signature}")
    except DBAPIError as error:
        if sqlstate(error) != _DEPENDENT_OBJECTS:
            raise
        raise CommandError(
            f"{first_line(error)}: {detail(error)}; drop or change those first, then migrate again"
        ) from None


def _require_droppable(connection: Connection, aside: Iterable[Routine]) -> None:
    """Refuse now if the next upgrade could not drop them."""
    attempt = connection.begin_nested()
    _drop(connection, aside)
    attempt.rollback()
