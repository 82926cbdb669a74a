"""The sweep of rebalances: those that are not over have a running execution, and outcomes are published."""

from __future__ import annotations

from repeg.domain.patience import OVERDUE
from repeg.domain.rebalance.record import Rebalance, RebalanceStatus
from repeg.domain.rules.parking import was_set_forward
from repeg.errors import OperatorError, RetryError, StaleExecution
from repeg.executions import Executions, ExecutionState
from repeg.rebalance.rebalancer import Rebalancer
from repeg.store.rebalances import PORTFOLIO


def sweep_rebalances(at: Rebalancer, executions: Executions) -> int:
    """Give every rebalance that is not over a running execution; returns how many were started."""
    started = 0
    for rebalance_id in at.rebalances.to_do():
        try:
            rebalance = at.rebalances.get(rebalance_id)
            started += rebalance is not None and _revived(at, executions, rebalance)
        except (RetryError, OperatorError, StaleExecution) as error:
            at.worker.log.info(f"left to the next sweep: {error}", rebalance_id=rebalance_id)
        except Exception as error:  # one whose record is bad must not keep the others from theirs
            trouble = f"could not be revived: {error}{_in_the_way(at, rebalance_id)}"
            at.worker.log.error(trouble, alert=True, rebalance_id=rebalance_id)
    return started


def _in_the_way(at: Rebalancer, rebalance_id: str) -> str:
    # Its legs may be at work: the turn is nobody's to take before somebody has looked.
    mine = at.rebalances.holder(PORTFOLIO) == rebalance_id
    return "; it has the turn of all rebalances, and none begins until it can be read" if mine else ""


def _revived(at: Rebalancer, executions: Executions, rebalance: Rebalance) -> bool:
    if rebalance.work.published:
        return False
    number = rebalance.work.executions
    state = executions.state(rebalance.rebalance_id, number)
    running = state is ExecutionState.RUNNING
    if running and not _sleeps_on(at, rebalance):
        _watch_pace(at, executions, rebalance)
        return False
    # One that is missing was never started: the same name again is safe, whoever else starts it.
    if state is not ExecutionState.MISSING:
        number += 1
        # Before the start: from this write on the execution before, should it live after all, can write nothing.
        at.rebalances.adopt(rebalance, executions.arn(rebalance.rebalance_id, number))
    executions.start(rebalance.rebalance_id, number)
    at.worker.log.info(f"execution {number} started", rebalance_id=rebalance.rebalance_id)
    return True


def _watch_pace(at: Rebalancer, executions: Executions, rebalance: Rebalance) -> None:
    """An execution that runs and does not move looks healthy, and holds the turn: the operator hears of it."""
    wall = at.worker.time.wall()
    if wall - (rebalance.work.due_wall or rebalance.wanted.received_wall) < OVERDUE:
        return
    moved_at = executions.moved_at(rebalance.rebalance_id, rebalance.work.executions)
    if moved_at is None or wall - moved_at < OVERDUE:
        return
    minutes = int((wall - moved_at).total_seconds() // 60)
    told = at.alert_lasting(rebalance, "stands still", f"it has not moved for {minutes} minutes: look at it")
    # Should its worker wake after all, that finds the record written anew, and takes its step again.
    if told != rebalance:
        at.rebalances.save(told)


def _sleeps_on(at: Rebalancer, rebalance: Rebalance) -> bool:
    """True when it waits for an open by a clock that was set forward: the machine's wait does not hear of it."""
    parked = rebalance.status is RebalanceStatus.WAITING and rebalance.work.parked_until
    if not parked or rebalance.work.clock is None:
        return False
    # The shared reading is believed for minutes: only the market's own times tell that it was left behind.
    symbols = {*list(rebalance.wanted.targets)[:1], *at.worker.settings().feed_witnesses}
    at.worker.time.hold_against(at.broker, at.broker.quotes(symbols).values())
    return was_set_forward(at.worker.time.approximate().now(), at.now(rebalance))
