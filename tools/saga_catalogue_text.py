"""What docs/SAGAS.md says that is not told by the plans themselves."""

from __future__ import annotations

from typing import Final

INTRODUCTION: Final = """\
# Sagas

Made from the code by `python -m tools.saga_catalogue`; `make check` compares. Do not edit it here.

A saga carries an order through steps that no single transaction can hold together. What holds:

- **An undo is registered before its step runs**, and bears that its step never happened.
- **Nothing interrupts an undo**: neither a cancelled workflow nor a second request. Undos run
  newest first; those that touch nothing of each other run at the same time.
- **What fails for good either turns the saga round or parks it.** Before the parcel has left, a
  provider's failure is answered by undoing what was done. An undo that fails, a step after the
  parcel has left, or one that our own log refuses stops the saga where it is, holding what it
  holds, until somebody decides.
- **The log is enough.** Every step can run twice and then changes nothing more, and a step that the
  log says is done is not run. So a saga whose workflow is gone (terminated, failed, lost with
  Temporal's database) is taken up by starting its workflow again: reconciliation does it within a
  minute, `make recover` at once.

A provider's call is a Temporal activity; what touches our database alone is a local activity or
rides in the same activity as the call beside it. A provider that does not answer is asked again
after 0.25 s, then after twice as long each time, at most after 15 s, for as long as the tables say;
whoever else is waited for has the deadline beside it. Our database is asked until it answers."""

ORDER: Final = """\
## The order saga

Workflow `order-<id>`: `workflows/order.py` tells the story, `workflows/order_steps.py` what the
steps do. It lives from `placeOrder` until nothing can change any more."""

ORDER_AFTERWORD: Final = """\
After the undos the order is `CANCELLED`. When the carrier says that the parcel has left already,
nothing has been undone yet: the cancellation is withdrawn and the order goes on. An order short of
stock is `REJECTED`, or waits if it was placed as a backorder. A parcel that the carrier has lost is
refunded (`CANCELLED`, `PARCEL_LOST`).

From the end of `await_dispatch` on there is no way back but a decision: a cancellation comes too
late, and what fails is parked."""

PAYMENT: Final = """\
## The payment saga

The straight way (authorise, capture on dispatch) runs inside the order's workflow: a child for each
payment would cost 40 % of the throughput. What lives on its own time is the workflow `payment-<id>`
(`workflows/payment.py`): a payment that is pending (3-D Secure) or declined.

```mermaid
flowchart TD
    open(["pending or declined"]) --> wait["wait until the payment window closes"]
    wait -- "the provider has news" --> look["look the payment up"]
    wait -- "retryPayment" --> again["void the attempt before, make another"]
    look -- "authorized" --> paid(["the order is confirmed"])
    again -- "authorized" --> paid
    look -- "not yet" --> wait
    again -- "not yet" --> wait
    wait -- "the window closes" --> last["look it up once more"]
    last -- "authorized" --> paid
    last -- "not" --> closed(["the order is cancelled: PAYMENT_WINDOW_CLOSED"])
```

Its window is `WAYBILL_PAYMENT_WINDOW`, counted from the reservation. News are hints: the provider
is asked each time. Before a retry or a void after an unknown outcome the attempt is looked up; each
attempt is voided before the next one is made, and a late approval of an attempt that counts no more
is voided too. Whoever doubts that the webhooks come has it look at once: the signal
`payment_notification`, with `{"order_id": "<id>", "attempt": 1}`."""

RETURN: Final = """\
## The return saga

Workflow `return-<id>` (`workflows/returns.py`), a child of the order's: `requestReturn`, while the
return window (`WAYBILL_RETURN_WINDOW`) is open. Goods that never come back lapse it, and the order
is as if none had been asked for. A return of a part is refunded in part."""

HOW_TO: Final = """\
## How to add a step

1. Name it in `domain/saga/plan.py`: what it does, its undo, its deadline, and whether its failure
   turns the saga round or parks it. `until` is the order's status from which it need not run.
2. Declare its activity in `activities/interface.py` and implement it beside its relatives. It
   has to bear being run twice; its undo, that its step never ran. Derive every key from the order.
3. Write it into the story (`OrderWorkflow._forward`) and its undo into `undos` of `OrderSteps`.
4. Sagas that are under way replay the old story: guard the new step with `workflow.patched()`. The
   histories under `tests/histories/` are replayed by `make test` and tell when that is missing.
5. `python -m tools.saga_catalogue`, `make test`, `make matrix`: the matrix makes the cases of a new
   step by itself.

## How to see where a saga stands

`saga(orderId)` answers with the ledger: each step with its state (planned, running, done, undoing,
undone, failed, skipped), attempts, times and last error; `parkedSagas` lists those that wait for a
person, oldest first; `waybill_parked_sagas` counts them for an alert. Customers see the names,
states and times of their own order's steps: see [access](decisions/0015-access-and-positions.md).

In the Temporal Web UI (<http://localhost:8233>) the same order is the workflow `order-<id>`;
search for `WaybillNeedsAttention = true`, for `WaybillStatus`, or for `WaybillCustomer` (a digest).

![The parked sagas in the Web UI](images/web-ui-parked.png)

The workflow's page tells its steps under *User Metadata*, each activity's attempts and its last
error under *Pending Activities*, and everything that happened in its history.

![A parked saga in the Web UI](images/web-ui-details.png)

## How to settle a parked saga

| decision | what it does | mutation | signal |
| --- | --- | --- | --- |
| retry | tries the step again: the cause is gone | `retrySaga` | `retry_saga` |
| skip | goes on without the step | `skipSagaStep` | `skip_saga_step` |
| resolve | goes on: it was settled by hand, outside | `resolveSaga` | `resolve_saga` |
| compensate | turns the saga round and undoes it | `compensateSaga` | `compensate_saga` |

Each takes a reason, and becomes an event with the reason and the actor. What was refused by nobody
(no answer, late) is also tried again by itself, every `WAYBILL_PARKED_RETRY`.

The signals are sent from the workflow's page (*More Actions*, *Send a Signal*) or the command line:

```
temporal workflow signal --workflow-id order-<id> --name retry_saga \\
  --input '{"reason": "the provider works again", "actor": "operator:ada"}'
```

![Sending a signal from the Web UI](images/web-ui-signal.png)

Name the `step` as well where several are parked."""
