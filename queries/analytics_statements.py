"""The statements of the analytics. Each reads the fewest rows that make up its range.

A range is given as pieces: whole spans of one length from a start to an end. The lateral subquery
has an aggregate, so PostgreSQL reads each piece by the primary key, whatever it estimates.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import TextClause, text

from projections.analytics.tables import FIGURES

_PIECES: Final = """
    FROM unnest(
             CAST(:spans AS smallint[]),
             CAST(:starts AS timestamptz[]),
             CAST(:ends AS timestamptz[])
         ) AS piece (span, start_at, end_at)
    CROSS JOIN LATERAL ({inner}) AS part
"""
_INSIDE: Final = """
    WHERE t.span = piece.span AND t.start_at >= piece.start_at AND t.start_at < piece.end_at
      AND (CAST(:currency AS text) IS NULL OR t.currency IN ('', :currency))
"""


def _over_pieces(inner: str) -> str:
    return _PIECES.format(inner=inner)


_SUMS: Final = ", ".join(f"sum(t.{name}) AS {name}" for name in FIGURES)
_SUMS_OF_PARTS: Final = ", ".join(f"sum({name})::bigint AS {name}" for name in FIGURES)
_INNER_TOTALS: Final = f"""
    SELECT width_bucket(t.start_at, CAST(:borders AS timestamptz[])) AS bucket, t.currency, {_SUMS}
    FROM readmodel.analytics_total AS t {_INSIDE}
    GROUP BY 1, 2
"""  # noqa: S608 - our own names
TOTALS: Final[TextClause] = text(
    f"SELECT bucket, currency, {_SUMS_OF_PARTS} {_over_pieces(_INNER_TOTALS)} GROUP BY 1, 2"
)

_INNER_DETAILS: Final = f"""
    SELECT t.kind, t.currency, t.value, sum(t.count) AS count, sum(t.amount) AS amount
    FROM readmodel.analytics_breakdown AS t {_INSIDE} AND t.kind = ANY(:kinds)
    GROUP BY 1, 2, 3
"""  # noqa: S608 - our own names
REASONS: Final[TextClause] = text(
    f"""
    SELECT kind, value, sum(count)::bigint AS count {_over_pieces(_INNER_DETAILS)}
    GROUP BY 1, 2 ORDER BY kind, count DESC, value
    """
)
PRODUCTS: Final[TextClause] = text(
    f"""
    SELECT currency, value, count, amount FROM (
        SELECT currency, value, sum(count)::bigint AS count, sum(amount)::bigint AS amount,
               row_number() OVER (
                   PARTITION BY currency ORDER BY sum(amount) DESC, value
               ) AS place
        {_over_pieces(_INNER_DETAILS)}
        GROUP BY 1, 2
    ) AS ranked
    WHERE place <= :first ORDER BY currency, place
    """  # noqa: S608 - our own names
)

_INNER_DURATIONS: Final = f"""
    SELECT t.kind, t.bucket, sum(t.count) AS count
    FROM readmodel.analytics_duration AS t {_INSIDE} AND t.kind = ANY(:kinds)
    GROUP BY 1, 2
"""  # noqa: S608 - our own names
DURATIONS: Final[TextClause] = text(
    f"""
    SELECT kind, bucket, sum(count)::bigint AS count {_over_pieces(_INNER_DURATIONS)}
    GROUP BY 1, 2
    """
)

POSITION: Final[TextClause] = text("SELECT position FROM eventstore.checkpoint WHERE name = :name")
CHANGED: Final[TextClause] = text("SELECT position FROM readmodel.analytics_change")
