"""Run the commands of a request once for each idempotency key."""

from __future__ import annotations

from dataclasses import replace

from activities.command_handler import CommandHandler, Run, Step
from domain.command import Command
from domain.idempotency import EARLIER_CALL, KeyedResult, KeyUse, key_reused
from eventstore.errors import EventIdReused, KeyTaken


async def handle_once(
    handler: CommandHandler, step: Step, key: KeyUse | None, *commands: Command
) -> KeyedResult:
    """Return the first result under the key, whatever the aggregates would decide now.

    Raises Refused as CommandHandler.handle() does, and when the key was used for another input. A
    refusal is not recorded.
    """
    return await run_once(handler, Run(step, commands), key)


async def run_once(handler: CommandHandler, run: Run, key: KeyUse | None) -> KeyedResult:
    """Do as handle_once() does, for commands that depend on other streams too."""
    if key is None:
        return KeyedResult((await handler.handle_with(run)).position)
    if (known := await handler.find_key(key)) is not None:
        return known
    step = run.step
    try:
        keyed = run._replace(step=replace(step, request=key))
        handled = await handler.handle_with(keyed)
    except KeyTaken:  # by a concurrent call, or by one whose row was deleted since
        known = await handler.find_key(key)
        if known is None:
            raise
        return known
    except EventIdReused:
        if await handler.find_key(key) is None and _is_derived_from(key, step):
            raise key_reused() from None  # by a call whose row was deleted since
        raise
    return KeyedResult(handled.position, key.call if handled.is_first else EARLIER_CALL)


def _is_derived_from(key: KeyUse, step: Step) -> bool:
    """Return whether the step's event ids depend on the key, so that another input had them."""
    return str(key.id) in f"{step.workflow_id}/{step.key}"
