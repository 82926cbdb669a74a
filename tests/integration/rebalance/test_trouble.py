"""What a rebalance does when its own steps keep failing."""

from __future__ import annotations

import pytest

from repeg.domain.reasons import Reason
from repeg.domain.rebalance.record import RebalanceStatus
from tests.integration.rebalance.scenes import market, rebalance, send
from tests.support.deaths import Killed
from tests.support.lab import Lab
from tests.support.scenes import alerts, submits


def test_steps_that_fail_for_a_while_are_recovered_from(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    market(lab, AAPL=100)
    real, failures = lab.rebalancer.shared.assets, iter(range(12))

    def fails() -> object:
        if next(failures, None) is not None:
            raise ZeroDivisionError
        return real()

    monkeypatch.setattr(lab.rebalancer.shared, "assets", fails)
    done = rebalance(lab, {"SPY": "1"})
    assert (done.status, done.work.failed_rounds) == (RebalanceStatus.DONE, 0)


def test_a_step_that_never_works_ends_the_rebalance_and_says_so(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    market(lab, AAPL=100)

    def fails() -> object:
        raise ZeroDivisionError

    monkeypatch.setattr(lab.rebalancer.shared, "assets", fails)
    done = rebalance(lab, {"SPY": "1"})
    assert (done.status, done.reason) == (RebalanceStatus.FAILED, Reason.INTERNAL_ERROR)
    assert not submits(lab)
    assert len(alerts(lab)) == 1
    assert any("ZeroDivisionError" in event.detail for event in done.events)


def test_one_that_stands_still_is_told_once(lab: Lab) -> None:
    market(lab, AAPL=100)
    send(lab, {"SPY": "1"})
    lab.moved[f"{lab.rebalance('r').rebalance_id}-1"] = lab.time.wall()
    for _ in range(10):
        lab.sleep(60)
        lab.sweep()
    (told,) = alerts(lab)
    assert "has not moved for 5 minutes" in told


@pytest.mark.parametrize("over", [False, True], ids=["at work", "over"])
def test_a_record_that_cannot_be_read_is_told_and_fails_no_other(
    lab: Lab, over: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """As after a deployment of before: the one behind it waits, and is not taken for broken itself."""
    market(lab, AAPL=100)

    def dies() -> None:
        raise Killed("with the turn")

    send(lab, {"SPY": "1"})
    lab.stall("broker.positions", dies)
    with pytest.raises(Killed):
        lab.work()
    lab.revive()
    _spoil(lab, over)
    lab.sleep(1)
    lab.sweep()
    assert "it has the turn of all rebalances" in caplog.text
    second = rebalance(lab, {"SPY": "0.5"}, "second")
    expected = (RebalanceStatus.DONE, None) if over else (RebalanceStatus.REJECTED, Reason.EXPIRED)
    assert (second.status, second.reason) == expected


def _spoil(lab: Lab, over: bool) -> None:
    record = lab.rebalance("r")
    if over:
        # What the race of a worker that was held up leaves: the record is over, and its turn taken.
        turn = {"pk": {"S": "QUEUE#portfolio"}, "sk": {"S": "TURN"}, "order_id": {"S": record.rebalance_id}}
        lab.rebalances.finish(record.ended(RebalanceStatus.FAILED, lab.worker.time.wall()))
        lab.rebalances._client.put_item(TableName=lab.rebalances._table, Item=turn)
    lab.rebalances._client.update_item(
        TableName=lab.rebalances._table,
        Key={"pk": {"S": f"REBALANCE#{record.rebalance_id}"}, "sk": {"S": "REBALANCE"}},
        UpdateExpression="SET rebalance = :nothing",
        ExpressionAttributeValues={":nothing": {"S": "{}"}},
    )
