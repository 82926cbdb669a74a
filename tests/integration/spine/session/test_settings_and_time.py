"""Settings that go bad, clocks that jump or stand still, and the lock on live trading."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from desk.exchange.client import ExchangeControl
from desk.report.truth import trading_calls
from repeg.broker.alpaca import DATA_URL, LIVE_URL, PAPER_URL, connect_alpaca
from repeg.budget.ledger import Unlimited
from repeg.domain.models import from_json
from repeg.domain.order.verdicts import WaitingFor
from repeg.domain.reasons import Reason, Status
from repeg.domain.settings import Settings
from repeg.errors import ConfigurationError, LiveTradingLocked
from repeg.settings import Kept, load_settings
from repeg.wiring.live_lock import broker_urls, unlock
from tests.support.crowd import Crowd
from tests.support.lab import Lab
from tests.support.scenes import alerts, at, done, journal, lab_at, market_time, out_of_reach, run, send, submits

# --- settings ---


class _Kept:
    """The last valid document, in memory."""

    def __init__(self) -> None:
        self.kept: Kept | None = None

    def load(self) -> Kept | None:
        return self.kept

    def keep(self, kept: Kept) -> None:
        self.kept = kept


def test_a_document_that_goes_bad_leaves_the_last_valid_settings_in_force(lab: Lab) -> None:
    kept, complaints = _Kept(), []
    documents = {"overrides": '{"max_repegs": 1}'}

    def current() -> Settings:
        return load_settings(lambda: ("{}", documents["overrides"]), kept, complaints.append)

    lab.worker.settings = current
    out_of_reach(lab, rungs=2)
    first = run(lab, "first")
    documents["overrides"] = '{"max_repegs": "many"}'
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
    second = run(lab, "second")
    assert len(first.terms.plan) == len(second.terms.plan) == 3
    assert complaints and "max_repegs" in complaints[0]
    lab.check()


@pytest.mark.parametrize("bad", ["", "nonsense", "[]", '{"max_slippage_bps": 0}', '{"typo": 1}', "[" * 4000])
def test_whatever_is_wrong_with_a_document_the_kept_one_stays(bad: str) -> None:
    kept = _Kept()
    complaints: list[str] = []
    good = load_settings(lambda: ('{"max_repegs": 4}', None), kept, complaints.append)
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)  # as deployed: test tools raise it
    try:
        assert load_settings(lambda: (bad, None), kept, complaints.append) == good
    finally:
        sys.setrecursionlimit(before)
    assert len(complaints) == 1


def test_without_any_valid_settings_nothing_is_traded(lab: Lab) -> None:
    def none() -> Settings:
        return load_settings(lambda: ("nonsense", None), _Kept(), lambda _: None)

    with pytest.raises(ConfigurationError):
        none()
    lab.worker.settings = none
    order = done(lab)
    assert order.status in (Status.REJECTED, Status.FAILED)
    assert not submits(lab)
    assert alerts(lab)


def test_settings_survive_being_kept() -> None:
    kept = _Kept()
    tuned = load_settings(lambda: ("{}", '{"leveraged_etfs": ["TQQQ"], "max_slippage_bps": 7.5}'), kept, print)
    assert kept.kept and from_json(kept.kept.document, Settings) == tuned
    assert json.loads(kept.kept.document)["max_slippage_bps"] == "7.5"


def test_the_patience_in_force_is_the_one_at_release(lab: Lab) -> None:
    """A ladder is fixed for the order's life: a change applies to the next order."""
    out_of_reach(lab, rungs=1)
    send(lab)
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:00:01"))
        lab.settings = Settings(max_repegs=0)
        crowd.work()
    assert len(lab.order("a").terms.plan) == 4
    lab.check()


# --- time ---


@pytest.fixture
def early(exchange: ExchangeControl, aws_credentials: None) -> Iterator[Lab]:
    with lab_at(exchange, "09:20") as lab:
        yield lab


def test_a_jump_past_the_open_is_noticed(early: Lab) -> None:
    send(early)
    with Crowd(early) as crowd:
        crowd.work(until=market_time("09:21:30"))
        assert early.order("a").status is Status.WAITING
        early.set_clock(market_time("09:40"))
        early.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
        crowd.work()
    order = early.order("a")
    assert order.status is Status.FILLED
    assert order.first_sent_at and at("09:40") <= order.first_sent_at <= at("09:42")
    early.check()


def test_a_clock_set_back_before_the_open_parks_the_next_order(lab: Lab) -> None:
    run(lab, "first")
    lab.set_clock(market_time("09:20"))
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
    send(lab, "second")
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("09:25"))
        assert lab.order("second").status is Status.WAITING
        crowd.work()
    second = lab.order("second")
    assert second.status is Status.FILLED
    assert second.first_sent_at and at("09:30") <= second.first_sent_at <= at("09:30:05")
    lab.check()


def test_a_jump_over_the_close_refuses_the_next_order(lab: Lab) -> None:
    run(lab, "first")
    lab.set_clock(market_time("16:05"))
    lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
    second = done(lab, "second")
    assert (second.status, second.reason) == (Status.REJECTED, Reason.MARKET_CLOSED)


def test_a_kept_clock_that_says_closed_is_checked_before_it_refuses(
    exchange: ExchangeControl, aws_credentials: None
) -> None:
    with lab_at(exchange, "16:05") as lab:
        assert run(lab, "late").reason is Reason.MARKET_CLOSED
        lab.set_clock("2026-11-23T10:00:00-05:00")
        lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
        assert done(lab, "monday").status is Status.FILLED


def test_record_times_are_market_times(exchange: ExchangeControl, aws_credentials: None) -> None:
    with lab_at(exchange, "2026-12-24T12:30:00-05:00") as lab:
        lab.sleep(5)
        order = done(lab)
        assert order.created_at == at("2026-12-24T12:30:05-05:00")
        assert order.run.expires_at == at("2026-12-24T12:45:05-05:00")
        assert order.completed_at and order.completed_at < at("2026-12-24T12:30:07-05:00")


@pytest.mark.parametrize("day", ["2026-03-06", "2026-03-09", "2026-10-30", "2026-11-02"])
def test_the_open_follows_new_york_through_changes_of_clock(
    exchange: ExchangeControl, aws_credentials: None, day: str
) -> None:
    offset = "-04:00" if "03-09" <= day[5:] <= "10-31" else "-05:00"
    with lab_at(exchange, f"{day}T09:29:50{offset}") as lab:
        order = done(lab)
        assert order.status is Status.FILLED
        opened = at(f"{day}T09:30:00{offset}")
        assert order.first_sent_at and 0 <= (order.first_sent_at - opened).total_seconds() < 2


def test_a_clock_that_stands_still_costs_no_patience(lab: Lab) -> None:
    """Waits pass on the machine's time; a paused market simply gives no fill, and the order ends in order."""
    lab.control.script({"symbol": "TQQQ", "halt": True})
    order = done(lab)
    assert (order.status, order.filled_qty) == (Status.UNFILLED, 0)


def test_orders_share_one_reading_of_the_clock(lab: Lab) -> None:
    before = lab.mark()
    for number in range(4):
        run(lab, f"s-{number}", qty=1)
    calls = trading_calls(lab.control.journal(before))
    assert not [call for call in calls if "clock" in call or "calendar" in call]
    lab.check()


def test_a_broker_whose_clock_cannot_be_read_sends_nothing(exchange: ExchangeControl, aws_credentials: None) -> None:
    """Design 3.12: no clock -> no new risk."""
    with lab_at(exchange) as lab:
        lab.sleep(16 * 60)
        lab.control.faults({"method": "GET", "path": "/v2/clock", "kind": "error", "status": 500})
        order = done(lab)
        assert (order.status, order.reason) == (Status.REJECTED, Reason.BROKER_UNAVAILABLE)
        assert not submits(lab)


# --- the live lock ---


class _Account:
    def __init__(self, number: str) -> None:
        self._number = number
        self.asked = 0

    def number(self) -> str:
        self.asked += 1
        return self._number


@pytest.mark.parametrize(
    ("mode", "trading", "data", "urls"),
    [
        ("paper", "", "", (PAPER_URL, DATA_URL)),
        ("live", "", "", (LIVE_URL, DATA_URL)),
        ("paper", "http://127.0.0.1:9", "http://127.0.0.1:9", ("http://127.0.0.1:9", "http://127.0.0.1:9")),
        ("paper", PAPER_URL, DATA_URL, (PAPER_URL, DATA_URL)),
    ],
    ids=["paper", "live", "simulated", "paper by name"],
)
def test_each_mode_has_its_hosts(mode: str, trading: str, data: str, urls: tuple[str, str]) -> None:
    assert broker_urls(mode, trading, data) == urls


@pytest.mark.parametrize(
    ("mode", "trading", "data"),
    [
        ("live", "http://127.0.0.1:9", ""),
        ("live", "", "http://127.0.0.1:9"),
        ("live", LIVE_URL, ""),
        ("paper", LIVE_URL, ""),
        ("paper", "https://API.ALPACA.MARKETS", ""),
        ("paper", "https://api.alpaca.markets:443/", ""),
        ("paper", "https://api.alpaca.markets.", ""),
        ("paper", "HTTPS://key@api.alpaca.markets", ""),
        ("LIVE", "", ""),
        ("", "", ""),
    ],
)
def test_a_mode_that_does_not_fit_its_host_is_locked(mode: str, trading: str, data: str) -> None:
    with pytest.raises(LiveTradingLocked):
        broker_urls(mode, trading, data)


def test_paper_needs_no_account_number_and_asks_for_none() -> None:
    broker = _Account("PA1")
    unlock("paper", "", "repeg", broker.number)
    assert broker.asked == 0


@pytest.mark.parametrize(("confirmed", "opens"), [("123", True), ("124", False), ("", False)])
def test_live_trading_needs_the_account_it_was_confirmed_for(confirmed: str, opens: bool) -> None:
    broker = _Account("123")
    if opens:
        unlock("live", confirmed, "repeg", broker.number)
        assert broker.asked == 1
        return
    with pytest.raises(LiveTradingLocked):
        unlock("live", confirmed, "repeg", broker.number)


@pytest.mark.parametrize(
    "url",
    ["http://broker.example", "http://10.0.0.7:8000", "http://127.evil.example", "ftp://127.0.0.1", "localhost:9"],
)
@pytest.mark.parametrize("which", ["trading_url", "data_url"])
def test_keys_never_travel_in_clear_text(url: str, which: str) -> None:
    urls = {"trading_url": PAPER_URL, "data_url": DATA_URL} | {which: url}
    with pytest.raises(ConfigurationError, match="https"):
        connect_alpaca("key", "secret", budget=Unlimited(), **urls)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9", "http://localhost:9", "http://[::1]:9", "https://broker.example"]
)
def test_plain_http_is_for_this_machine_only(url: str) -> None:
    connect_alpaca("key", "secret", budget=Unlimited(), trading_url=url, data_url=url)


def test_an_expiry_keeps_the_seconds_of_its_offset(lab: Lab) -> None:
    expires = "2026-11-20T15:00:10+00:00:12"
    lab.intake.accept(
        json.dumps(
            {"signal_id": "a", "kind": "order", "symbol": "TQQQ", "side": "buy", "qty": 1, "expires_at": expires}
        )
    )
    assert lab.order("a").run.expires_at == datetime.fromisoformat(expires)
    lab.work()
    assert lab.order("a").reason is Reason.EXPIRED


def test_a_locked_broker_sends_nothing_and_alarms(lab: Lab) -> None:
    def locked() -> Any:
        raise LiveTradingLocked("the keys belong to another account")

    lab.worker.make_broker = locked
    order = done(lab)
    assert order.status is Status.REJECTED
    assert not submits(lab)
    assert any("another account" in text for text in alerts(lab))


@pytest.mark.parametrize("rungs", [0, 1], ids=["from the start", "between two rungs"])
def test_an_exit_waits_for_a_locked_broker_and_tells_it_once(lab: Lab, rungs: int) -> None:
    """It was told every half minute, for as long as the keys were another account's."""
    lab.control.position("TQQQ", 100, "50")
    lab.control.quote("TQQQ", "50.95", "50.98", 30, 2000)
    opened, told = lab.worker.make_broker, "the keys belong to another account"

    def locked() -> Any:
        if _rungs_known_to_be_over(lab) >= rungs:
            raise LiveTradingLocked(told)
        return opened()

    lab.worker.make_broker = locked
    send(lab, kind="close")
    with Crowd(lab) as crowd:
        crowd.work(until=market_time("10:14"))
        assert len(submits(lab)) == rungs
        assert sum(told in text for text in alerts(lab)) == 1
        crowd.work(until=market_time("10:20"))
        assert sum(told in text for text in alerts(lab)) == 2
        lab.worker.make_broker = opened
        lab.control.quote("TQQQ", "50.95", "50.98", 2000, 2000)
        crowd.work()
    order = lab.order("a")
    assert (order.status, order.filled_qty) == (Status.FILLED, 100)
    assert all(each.what != WaitingFor.OPERATOR.words for each in order.told)
    lab.check()


def _rungs_known_to_be_over(lab: Lab) -> int:
    """Cancelled child orders that were read twice after that, as what ends short is."""
    over = [entry["seq"] for entry in journal(lab, event="canceled")]
    reads = [entry["seq"] for entry in journal(lab, "request") if entry["method"] == "GET"]
    return sum(sum(read > seq for read in reads) > 1 for seq in over)
