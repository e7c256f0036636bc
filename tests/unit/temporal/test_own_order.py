"""The guard finds the order in every argument that a saga's workflow can get."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, get_args, get_type_hints

import pytest
from pydantic import BaseModel
from temporalio import workflow

from domain.command import Command
from temporal.own_order import _SAGAS, orders_in
from temporal.runner import WORKFLOWS
from workflows.aftercare import AftercareWorkflow
from workflows.order import OrderWorkflow
from workflows.payment import PaymentWorkflow
from workflows.refund import RefundWorkflow
from workflows.returns import ReturnWorkflow
from workflows.types import InterventionSignal, PaymentRetryInput

SAGAS = (OrderWorkflow, PaymentWorkflow, ReturnWorkflow, RefundWorkflow, AftercareWorkflow)
NAME_NO_ORDER = {PaymentRetryInput, InterventionSignal}
"""The workflow that receives one of these fills in its own order."""


def arguments(saga: type) -> Iterator[tuple[str, type]]:
    """Yield each argument of the workflow, with the name of the handler that takes it."""
    definition = workflow._Definition.must_from_class(saga)
    handlers: dict[str | None, Any] = {**definition.signals, **definition.updates}
    for name, types in [
        ("run", definition.arg_types),
        *((str(name), handler.arg_types) for name, handler in handlers.items()),
    ]:
        yield from ((f"{saga.__name__}.{name}", type_) for type_ in types or ())


ARGUMENTS = [argument for saga in SAGAS for argument in arguments(saga)]


def types_in(type_: Any) -> Iterator[type]:  # noqa: ANN401 - a type, or an annotation of types
    """Yield the type, the types that it is made of, and those of its fields."""
    if get_args(type_):
        for part in get_args(type_):
            yield from types_in(part)
    elif isinstance(type_, type):
        yield type_
        for hint in get_type_hints(type_).values() if is_dataclass(type_) else ():
            yield from types_in(hint)


def test_each_saga_is_guarded() -> None:
    assert _SAGAS.keys() == {saga.__name__ for saga in SAGAS}
    assert set(SAGAS) <= set(WORKFLOWS)


@pytest.mark.parametrize(("handler", "type_"), ARGUMENTS, ids=[name for name, _ in ARGUMENTS])
def test_each_argument_names_its_order_where_the_guard_looks(handler: str, type_: type) -> None:
    assert is_dataclass(type_), f"{handler} takes {type_}: give it a dataclass with an order_id"
    has_order = "order_id" in {field.name for field in fields(type_)}
    assert has_order is (type_ not in NAME_NO_ORDER)
    for inner in types_in(type_):
        if issubclass(inner, BaseModel) and not issubclass(inner, Command):
            assert not {name for name in inner.model_fields if "order" in name}
        assert not issubclass(inner, dict)


def test_an_order_is_found_in_a_list() -> None:
    @dataclass
    class Part:
        order_id: str

    @dataclass
    class Whole:
        parts: list[tuple[Part, ...]]

    assert list(orders_in((Whole([(Part("1"), Part("2"))]), Part("3")))) == ["1", "2", "3"]
