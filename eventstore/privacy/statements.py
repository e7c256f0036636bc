"""The SQL of the keys."""

from __future__ import annotations

from typing import Final

SUBJECT_KEYS: Final = """
    WITH made AS (
        INSERT INTO eventstore.subject_key (subject, key_id, wrapped, master_key_id, made_after)
        SELECT n.subject, n.key_id, n.wrapped, $4, eventstore.position_of_new_key(n.subject)
        FROM (
            SELECT *
            FROM unnest($1::text[], $2::uuid[], $3::bytea[]) AS n (subject, key_id, wrapped)
            WHERE NOT EXISTS (
                SELECT FROM eventstore.subject_key k WHERE k.subject = n.subject
            )
            ORDER BY n.subject
        ) AS n
        ON CONFLICT (subject) DO NOTHING
        RETURNING subject, key_id, wrapped, master_key_id
    )
    SELECT subject, key_id, wrapped, master_key_id FROM made
    UNION ALL
    SELECT subject, key_id, wrapped, master_key_id
    FROM eventstore.subject_key
    WHERE subject = ANY($1)
"""
"""Select the keys of these subjects; insert the offered key where there is none.

A subject is left out when another writer makes its key at this moment: ask again. No key is made
while this statement can see one that is being erased. A new key stores the highest position drawn
before it, by which an erasure knows whether it is older: see sql/erase_subject.sql. The rows are in
the order of the subjects, so that no two writers wait for each other.
"""

KEYS: Final = """
    SELECT subject, key_id, wrapped, master_key_id
    FROM eventstore.subject_key
    WHERE key_id = ANY($1)
"""

KEY: Final = """
    SELECT subject, key_id, wrapped, master_key_id
    FROM eventstore.subject_key
    WHERE key_id = $1 AND subject = $2
"""

NOT_UNDER: Final = """
    SELECT subject, key_id, wrapped, master_key_id
    FROM eventstore.subject_key
    WHERE master_key_id <> $1 AND key_id > $2
    ORDER BY key_id
    LIMIT $3
"""

REWRAP: Final = """
    UPDATE eventstore.subject_key AS k
    SET wrapped = n.wrapped, master_key_id = $4
    FROM unnest($1::uuid[], $2::text[], $3::bytea[]) AS n (key_id, master_key_id, wrapped)
    WHERE k.key_id = n.key_id AND k.master_key_id = n.master_key_id
"""
"""A key that has been erased in the meantime stays erased."""

ENDPOINT_SECRETS_NOT_UNDER: Final = """
    SELECT endpoint_id AS subject, id AS key_id, sealed AS wrapped, master_key_id
    FROM eventstore.webhook_secret
    WHERE master_key_id <> $1 AND id > $2
    ORDER BY id
    LIMIT $3
"""

RESEAL_ENDPOINT_SECRETS: Final = """
    UPDATE eventstore.webhook_secret AS s
    SET sealed = n.sealed, master_key_id = $4
    FROM unnest($1::uuid[], $2::text[], $3::bytea[]) AS n (id, master_key_id, sealed)
    WHERE s.id = n.id AND s.master_key_id = n.master_key_id
"""

COUNT: Final = """
    SELECT count(*) FILTER (WHERE master_key_id = $1), count(*)
    FROM (
        SELECT master_key_id FROM eventstore.subject_key
        UNION ALL SELECT master_key_id FROM eventstore.webhook_secret
    ) AS wrapped
"""
