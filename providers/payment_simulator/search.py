"""The part of Stripe's search language that Waybill uses: metadata that has to be equal."""

from __future__ import annotations

import re
from typing import Final

from providers.simulation.refusal import Refusal

_LABEL: Final = re.compile(r"""metadata\[(['"])(?P<name>[^'"]+)\1\]:(['"])(?P<value>[^'"]*)\3""")


def wanted_labels(query: str) -> dict[str, str]:
    """Return the metadata of `metadata['a']:'b' AND ...`. Raises Refusal for other queries."""
    labels = {}
    for clause in query.split(" AND "):
        label = _LABEL.fullmatch(clause.strip())
        if label is None:
            raise Refusal(
                400, "parameter_invalid", "Only metadata is searched here.", param="query"
            )
        labels[label["name"]] = label["value"]
    return labels
