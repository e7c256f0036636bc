from __future__ import annotations

import pytest
from graphql import GraphQLEnumType

from api.notifications import meanings
from api.notifications.meanings import CHANNELS, KINDS, STATES, describe_notifications
from notifications.facts import Notice
from notifications.outbox import Channel, State
from tests.unit.api.schemas import a_schema


def test_every_kind_channel_and_state_is_explained_to_clients() -> None:
    assert list(KINDS) == list(Notice)
    assert list(CHANNELS) == list(Channel)
    assert list(STATES) == list(State)


def test_the_schema_explains_each_state_of_a_notification() -> None:
    states = a_schema()._schema.type_map["NotificationState"]

    assert isinstance(states, GraphQLEnumType)
    assert {name: value.description for name, value in states.values.items()} == {
        state.name: STATES[state] for state in State
    }


def test_a_value_without_a_meaning_cannot_be_served(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = {"NotificationState": (State, {State.SENT: "It is sent."})}
    monkeypatch.setattr(meanings, "_MEANINGS", lacking)

    with pytest.raises(KeyError, match=r"State\.PENDING"):
        describe_notifications(a_schema()._schema)
