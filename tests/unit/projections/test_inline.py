from __future__ import annotations

import pytest

from projections.inline import PROJECTIONS, InlineReadModels, MissingProjection


def test_a_category_without_projections_is_refused_before_its_first_append() -> None:
    without = {name: listed for name, listed in PROJECTIONS.items() if name != "shipment"}
    with pytest.raises(MissingProjection, match="no projections for streams of shipment: add them"):
        InlineReadModels(without)


def test_a_category_may_have_no_read_model() -> None:
    InlineReadModels({**PROJECTIONS, "shipment": []})
