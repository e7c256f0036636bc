"""The Temporal worker: its workflows and the objects whose methods are its activities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

from temporalio.client import Client
from temporalio.worker import PollerBehaviorAutoscaling, Worker
from temporalio.workflow import NondeterminismError

from activities.aftercare.activities import AftercareActivitiesImpl
from activities.command_handler import CommandHandler
from activities.failed_attempts import FailureLedger
from activities.interceptor import ActivityInterceptor
from activities.orders import OrderActivitiesImpl
from activities.payments.activities import PaymentActivitiesImpl
from activities.provider_waits import ProviderActivitiesImpl
from activities.reconciliation.changed_orders import ChangedOrders
from activities.reconciliation.comparison import OrdersToCompare, ReconciliationActivitiesImpl
from activities.reconciliation.discrepancies import Discrepancies
from activities.reconciliation.disputed_orders import DisputedOrders
from activities.reconciliation.lost_refunds import LostRefunds
from activities.reconciliation.lost_workflows import LostWorkflows
from activities.reconciliation.open_order_sweep import OpenOrderSweep
from activities.reconciliation.open_orders import OpenOrders
from activities.reconciliation.orphaned_workflows import OrphanedWorkflows
from activities.reconciliation.provider_comparison import ProviderComparison
from activities.reconciliation.recovery import RecoveryActivitiesImpl
from activities.reconciliation.unchecked_orders import UncheckedOrders
from activities.saga import SagaActivitiesImpl
from activities.shipping import ShippingActivitiesImpl
from activities.short_orders import ShortOrders
from activities.stock import StockActivitiesImpl
from domain.payment.hold import DEFAULT_HOLD
from eventstore.privacy.vault import Vault
from eventstore.protocol import EventStore
from kit.pool import Pool
from orchestrator.order_workflows import TemporalOrderWorkflows
from orchestrator.refund_workflows import TemporalRefundWorkflows
from orchestrator.saga_orchestrator import SagaOrchestrator
from providers.carrier import Carrier
from providers.payments import PaymentProvider
from settings import Settings
from temporal.client import deadlines
from temporal.fitting_arguments import FittingArguments
from temporal.own_order import OwnOrder
from temporal.runner import WORKFLOWS
from temporal.sandbox import Sandbox, sandbox
from temporal.versions import deployment

DRAIN: Final = timedelta(seconds=2)
"""The time that running activities get after SIGTERM; Temporal runs the others elsewhere."""

Activity = Callable[..., Any]


def saga_activities(  # noqa: PLR0913, PLR0917 - the parts of a worker
    pool: Pool,
    store: EventStore,
    vault: Vault,
    payments: PaymentProvider,
    carrier: Carrier,
    payment_hold: timedelta = DEFAULT_HOLD,
    *,
    ledger: FailureLedger | None = None,
) -> list[Activity]:
    handler = CommandHandler(store)
    return [
        *SagaActivitiesImpl(handler, ledger).all,
        *OrderActivitiesImpl(handler).all,
        *StockActivitiesImpl(pool, handler).all,
        *PaymentActivitiesImpl(handler, payments, payment_hold).all,
        *ProviderActivitiesImpl(payments, carrier).all,
        *ShippingActivitiesImpl(handler, store, vault, carrier).all,
        *AftercareActivitiesImpl(handler, payments, carrier).all,
    ]


def reconciliation_activities(
    settings: Settings, client: Client, pool: Pool, store: EventStore, comparer: ProviderComparison
) -> list[Activity]:
    handler, grace = CommandHandler(store), settings.reconcile_grace
    at_most = settings.reconcile_batch
    share = max(1, at_most // 4)
    orchestrator = SagaOrchestrator(
        client, task_queue=settings.task_queue, deadlines=deadlines(settings)
    )
    running = TemporalOrderWorkflows(client, orchestrator)
    open_orders = OpenOrders(pool, store, grace)
    discrepancies = Discrepancies(pool, handler)
    orphans = OrphanedWorkflows(open_orders, discrepancies, running)
    refund_workflows = TemporalRefundWorkflows(client, orchestrator)
    orders = OrdersToCompare(
        ChangedOrders(pool, store, grace, at_most),
        UncheckedOrders(pool, share),
        OpenOrderSweep(pool, grace, share),
        DisputedOrders(pool, handler, comparer.payments),
    )
    return [
        *RecoveryActivitiesImpl(
            pool,
            handler,
            open_orders,
            orphans,
            running,
            LostRefunds(pool, refund_workflows, grace),
            LostWorkflows(pool, running, refund_workflows),
            ShortOrders(pool, handler),
        ).all,
        *ReconciliationActivitiesImpl(orders, comparer, discrepancies, orchestrator, handler).all,
    ]


def temporal_worker(  # noqa: PLR0913 - most have one value in all but tests and benchmarks
    client: Client,
    task_queue: str,
    activities: Sequence[Activity],
    ledger: FailureLedger | None = None,
    *,
    workflows: Sequence[type] = WORKFLOWS,
    passed_through: Sequence[str] = (),
    build_id: str = "",
    runner: Sandbox | None = None,
) -> Worker:
    """Make the worker for all workflows and activities; the benchmarks' peers bring their own.

    A workflow whose history does not replay fails, instead of waiting for an operator.
    Reconciliation then recovers its order from the log.
    """
    return Worker(
        client,
        task_queue=task_queue,
        workflows=workflows,
        activities=activities,
        interceptors=[ActivityInterceptor(ledger), FittingArguments(), OwnOrder()],
        workflow_runner=runner or sandbox(*passed_through),
        workflow_failure_exception_types=[NondeterminismError],
        deployment_config=deployment(build_id),
        max_concurrent_workflow_tasks=20,
        max_concurrent_activities=100,
        max_concurrent_local_activities=100,
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        graceful_shutdown_timeout=DRAIN,
    )
