"""Each field of the schema has one rule, and each rule has a field."""

from __future__ import annotations

import pytest
import strawberry
from graphql import is_non_null_type

from api import access
from api.access import ROOTS, RULES, Access, apply_access, fields_of
from tests.unit.api.schemas import a_schema

FIELDS = {(type_name, name): field for type_name, name, field in fields_of(a_schema()._schema)}
STAFF_TYPES = {
    *("SagaConnection", "SagaEdge", "SagaIntervention", "SagaDiscrepancy", "SagaParking"),
    *("SagaStepError", "OrderNote", "OrderWait", "Stock", "StockConnection", "StockEdge"),
    *("StockChange", "StockChangeConnection", "StockChangeEdge"),
    *("ProductChange", "ProductChangeConnection", "ProductChangeEdge"),
    *("Event", "EventConnection", "EventEdge"),
    *("Webhook", "WebhookDisabled", "WebhookSecret", "WebhookConnection", "WebhookEdge"),
    *("WebhookAttempt", "WebhookAttemptConnection", "WebhookAttemptEdge"),
    *("ProjectionStatus", "ProjectionLag", "ParkedStream", "ProjectionRebuild"),
    *("DeadLetterConnection", "DeadLetterEdge", "DeadLetter", "DeadLetterAction"),
    *("EmailSuppression", "EmailSuppressionAction"),
    *("OperatorNoticeConnection", "OperatorNoticeEdge", "OperatorNotice"),
    *("Discrepancy", "DiscrepancyConnection", "DiscrepancyEdge", "DiscrepancyAcceptance"),
    *("NoticeAcknowledgement", "NoticeMessage", "OrderExplanation"),
    *(name for name in RULES if name.startswith("Explained") or name.endswith("Entry")),
    *(name for name in RULES if name.startswith("Analytics")),
}


def test_each_field_has_a_rule_and_each_rule_a_field() -> None:
    ruled = {(type_name, name) for type_name, rules in RULES.items() for name in rules}

    assert ruled == FIELDS.keys()


def test_a_field_without_a_rule_cannot_be_served(monkeypatch: pytest.MonkeyPatch) -> None:
    @strawberry.type
    class Query:
        secret: str

    schema = strawberry.Schema(Query)._schema

    with pytest.raises(LookupError, match=r"^Query\.secret has no rule: add one to api/access\.py"):
        apply_access(schema)
    monkeypatch.setitem(access.RULES, "Query", {"secret": Access.STAFF})
    apply_access(schema)


def test_a_field_hidden_from_customers_is_nullable_and_documented() -> None:
    """If a whole type is for staff, the fields that lead to it are null instead."""
    for (type_name, name), field in FIELDS.items():
        if RULES[type_name][name] is Access.STAFF and type_name not in ROOTS | STAFF_TYPES:
            assert not is_non_null_type(field.type), (type_name, name)
            assert (field.description or "").endswith("Null for customers."), (type_name, name)


def test_staff_see_the_number_of_each_position() -> None:
    with_position = {type_name for type_name, name in FIELDS if name == "position"}

    assert len(with_position) == 42
    for type_name in with_position:
        assert RULES[type_name]["positionNumber"] is Access.STAFF
