"""The statements of the analytics. Each reads the few rows that make up its range.

A range is given as pieces: whole spans of one length from a start to an end, to be added or
subtracted. OFFSET keeps PostgreSQL from joining in another way: it reads each piece by the primary
key, whatever it estimates.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import TextClause, text

from projections.analytics.tables import FIGURES

_PIECES: Final = """
    unnest(
        CAST(:spans AS smallint[]),
        CAST(:starts AS timestamptz[]),
        CAST(:ends AS timestamptz[]),
        CAST(:signs AS int[]),
        CAST(:marks AS int[])
    ) AS piece (span, start_at, end_at, sign, mark)
"""
_INSIDE: Final = """
    t.span = piece.span AND t.start_at >= piece.start_at AND t.start_at < piece.end_at
    AND (CAST(:currency AS text) IS NULL OR t.currency IN ('', :currency))
    OFFSET 0
"""
_OF_KINDS: Final = f"t.kind = ANY(:kinds) AND {_INSIDE}"

_SUMS: Final = ", ".join(f"sum(sign * {name})::bigint AS {name}" for name in FIGURES)
TOTALS: Final[TextClause] = text(
    f"""
    SELECT piece.mark,
           CASE WHEN piece.mark < 0
                THEN width_bucket(part.start_at, CAST(:borders AS timestamptz[])) END AS bucket,
           currency, {_SUMS}
    FROM {_PIECES} CROSS JOIN LATERAL (
        SELECT * FROM readmodel.analytics_total AS t WHERE {_INSIDE}
    ) AS part
    GROUP BY 1, 2, 3
    """  # noqa: S608 - our own names
)
_DETAILS: Final = f"""
    {_PIECES} CROSS JOIN LATERAL (
        SELECT t.kind, t.currency, t.value, t.count, t.amount
        FROM readmodel.analytics_breakdown AS t WHERE {_OF_KINDS}
    ) AS part
"""  # noqa: S608 - our own names
REASONS: Final[TextClause] = text(
    f"""
    SELECT kind, value, sum(sign * count)::bigint AS count FROM {_DETAILS}
    GROUP BY 1, 2 HAVING sum(sign * count) > 0 ORDER BY kind, count DESC, value
    """  # noqa: S608 - our own names
)
PRODUCTS: Final[TextClause] = text(
    f"""
    SELECT currency, value, count, amount FROM (
        SELECT currency, value,
               sum(sign * count)::bigint AS count, sum(sign * amount)::bigint AS amount,
               row_number() OVER (
                   PARTITION BY currency ORDER BY sum(sign * amount) DESC, value
               ) AS place
        FROM {_DETAILS} GROUP BY 1, 2 HAVING sum(sign * count) > 0
    ) AS ranked
    WHERE place <= :first ORDER BY currency, place
    """  # noqa: S608 - our own names
)
DURATIONS: Final[TextClause] = text(
    f"""
    SELECT kind, bucket, sum(sign * count)::bigint AS count
    FROM {_PIECES} CROSS JOIN LATERAL (
        SELECT t.kind, t.bucket, t.count
        FROM readmodel.analytics_duration AS t WHERE {_OF_KINDS}
    ) AS part
    GROUP BY 1, 2 HAVING sum(sign * count) > 0
    """  # noqa: S608 - our own names
)

POSITION: Final[TextClause] = text("SELECT position FROM eventstore.checkpoint WHERE name = :name")
CHANGED: Final[TextClause] = text("SELECT position FROM readmodel.analytics_change")
