"""What may be done from the page, by keyboard alone, by somebody impatient, and while the ground moves."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from desk.blotter import closings
from desk.positions.flatten import Closing, Flattening, Left
from repeg.domain.halt import Halt, Mode, Scope
from repeg.domain.reasons import Reason, Status
from repeg.domain.signals.outgoing import OutgoingSignal
from repeg.store.halts import Halts
from tests.browser.conftest import Blotter, close_of
from tests.unit.blotter.test_actions import _answered

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def sent(blotter: Blotter, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The closes that were sent, of an account that holds three symbols."""
    found: list[str] = []
    closing = [
        Closing("TQQQ", Decimal(100), "flatten-TQQQ-1", close_of("TQQQ")),
        Closing("SOXL", Decimal(-30), "flatten-SOXL-1", close_of("SOXL")),
        Closing("SPY", Decimal(0), "by-hand", None),
    ]
    left = [Left("BTC/USD", f"is {HOSTILE}")]
    blotter.reach = lambda: None
    monkeypatch.setattr(closings, "flattening", lambda *_: Flattening(closing, left, None, ""))

    def send_all(sqs: Any, queue_url: str, signals: list[OutgoingSignal]) -> dict[str, str]:
        found.extend(signal.signal_id for signal in signals)
        return {}

    monkeypatch.setattr(closings, "send_all", send_all)
    return found


def _halted(blotter: Blotter) -> Halts:
    halts = Halts(blotter.clinic["dynamodb"], "repeg")
    halts.keep_halt(Halt(mode=Mode.HALTED, reason=HOSTILE, cancel_open=True))
    return halts


def test_the_keyboard_halts_and_then_closes_what_was_shown(blotter: Blotter, sent: list[str], page: Page) -> None:
    blotter.shown(page)
    line = page.locator("#at-work tr[data-id=ord-1] button")
    line.focus()
    page.keyboard.press("F8")
    page.keyboard.type("odd prints")
    # From the reason back to the box before it.
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_label("Then close all that is held")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.get_by_label("Take entries out")).to_be_checked()
    page.keyboard.press("Enter")
    question = page.get_by_role("dialog")
    expect(question.get_by_role("heading")).to_have_text("Close all of the account?")
    expect(question.get_by_role("heading")).to_be_focused()
    expect(question.locator(".sold li")).to_have_text(
        [
            "TQQQsell 100, about $4,101",
            "SOXLbuy back 30 short, about $1,230",
            "SPYnothing is held yet, an order is at work: it ends; a close is at work already",
        ]
    )
    expect(question).to_contain_text(HOSTILE)
    confirm = question.get_by_role("button", name="Close 2 symbols")
    # Whoever keeps the key down, or clicks twice, has confirmed the halt and nothing else.
    page.keyboard.press("Enter")
    assert sent == []
    expect(confirm).to_be_enabled()
    confirm.focus()
    page.keyboard.press("Enter")
    expect(question).to_be_hidden()
    expect(page.locator("#news")).to_have_text("2 closes were sent")
    assert sent == ["flatten-TQQQ-1", "flatten-SOXL-1"]
    expect(line).to_be_focused()
    assert page.locator("img").count() == 0


def test_a_halt_that_another_tab_lifts_keeps_its_closes_from_being_sent(
    blotter: Blotter, sent: list[str], browser: Browser
) -> None:
    halts = _halted(blotter)
    context = browser.new_context()
    page, other = blotter.shown(context.new_page()), blotter.shown(context.new_page())
    page.get_by_role("button", name="Close all…").click()
    confirm = page.get_by_role("button", name="Close 2 symbols")
    expect(confirm).to_be_enabled()
    other.get_by_role("button", name="Resume…").click()
    other.get_by_role("button", name="Resume the account").click()
    expect(page.get_by_role("button", name="Resume…")).to_have_count(0)
    assert halts.halts() == ()
    confirm.click()
    expect(page.get_by_role("dialog")).to_contain_text("not halted: nothing was closed")
    page.keyboard.press("Escape")
    expect(page.locator("#halt")).to_be_focused()
    assert sent == []
    context.close()


def test_a_stack_that_goes_away_while_it_is_being_asked_is_told_in_the_question(
    blotter: Blotter, sent: list[str], browser: Browser
) -> None:
    _halted(blotter)
    context = browser.new_context()
    page = blotter.shown(context.new_page())
    page.get_by_role("button", name="Close all…").click()
    confirm = page.get_by_role("button", name="Close 2 symbols")
    expect(confirm).to_be_enabled()
    assert blotter.server
    blotter.server.stop()
    confirm.click()
    expect(page.get_by_role("dialog")).to_contain_text("the blotter does not answer")
    expect(confirm).to_be_enabled()
    expect(page.locator("#link-words")).to_have_text("reconnecting")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Close all…").click()
    expect(page.get_by_role("button", name="Look again")).to_be_visible()
    expect(page.get_by_role("button", name="Not known")).to_be_disabled()
    assert sent == []
    context.close()


def test_a_stop_is_moved_once_however_often_it_is_clicked(
    blotter: Blotter, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = (Status.REJECTED, Reason.STOP_THROUGH, "the market, 41.01, is through the stop at 42")
    signals = _answered(blotter.clinic, monkeypatch, refused, (Status.DONE, None, "stop 39.5, target 44, for 100 TQQQ"))
    blotter.shown(page)
    move = page.get_by_role("button", name="Move stop or target of TQQQ")
    move.press("Enter")
    stop = page.get_by_label("Stop", exact=True)
    expect(stop).to_be_focused()
    expect(stop).to_have_value("38.00")
    expect(page.get_by_role("button", name="Nothing is moved yet")).to_be_disabled()
    page.keyboard.press("Control+a")
    page.keyboard.type("42")
    page.keyboard.press("Enter")
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("rejected (stop_through): the market, 41.01, is through the stop at 42")
    stop.fill("39.50")
    page.get_by_role("button", name="Move stop to 39.50").dblclick()
    expect(question).to_contain_text("done: stop 39.5, target 44, for 100 TQQQ")
    expect(question.get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Enter")
    expect(move).to_be_focused()
    assert [(body["adjust_signal_id"], body["stop_loss"], "take_profit" in body) for body in signals] == [
        ("s-1", "42", False),
        ("s-1", "39.50", False),
    ]


def test_an_answer_that_comes_late_closes_no_other_question(blotter: Blotter, page: Page) -> None:
    blotter.shown(page)
    # Held back by the page's own hand, as by a stack that takes its time.
    page.evaluate("""() => {
      const real = window.fetch;
      window.fetch = (...asked) => asked[0] === "/api/halt"
        ? new Promise((go) => (window.go = () => go(real(...asked)))) : real(...asked);
    }""")
    page.keyboard.press("F8")
    page.keyboard.type("odd prints")
    page.keyboard.press("Enter")
    expect(page.locator("#ask form[aria-busy]")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Acknowledge…").press("Enter")
    expect(page.get_by_role("heading", name="Acknowledge alerts")).to_be_visible()
    page.evaluate("go()")
    expect(page.locator("#news")).to_contain_text("the account is halted")
    expect(page.get_by_role("heading", name="Acknowledge alerts")).to_be_visible()


def test_open_alerts_show_lead_to_their_order_and_are_acknowledged(blotter: Blotter, page: Page) -> None:
    blotter.shown(page)
    alerts = page.locator("#alerts li")
    expect(alerts).to_contain_text(["cancel stuck: the symbol stays locked"])
    alerts.get_by_role("button").press("Enter")
    expect(page.locator("#detail")).to_contain_text("s-ord-1")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Acknowledge…").press("Enter")
    expect(page.get_by_role("button", name="Acknowledge this alert")).to_be_focused()
    page.keyboard.press("Enter")
    expect(alerts).to_have_count(0)
    expect(page.locator("#news")).to_have_text("1 alert is acknowledged")
    expect(page.locator("#alerts-title")).to_be_focused()


def test_names_that_are_markup_stay_text_wherever_they_stand(blotter: Blotter, sent: list[str], page: Page) -> None:
    _halted(blotter)
    Halts(blotter.clinic["dynamodb"], "repeg").keep_halt(
        Halt(scope=Scope.STRATEGY, of=HOSTILE, mode=Mode.REDUCING, reason="r")
    )
    blotter.desk.taken_in("ord-3", strategy=HOSTILE)
    blotter.clinic.log(alert=True, message=HOSTILE, symbol=HOSTILE)
    blotter.shown(page)
    expect(page.locator("#at-work tr[data-id=ord-3]")).to_contain_text(HOSTILE)
    expect(page.locator("#alerts")).to_contain_text(HOSTILE)
    expect(page.get_by_role("button", name=f"Resume {HOSTILE}…")).to_be_visible()
    page.get_by_role("button", name=f"Close all of {HOSTILE}…").click()
    expect(page.get_by_role("heading", name=f"Close all of strategy {HOSTILE}?")).to_be_visible()
    expect(page.get_by_role("dialog")).to_contain_text(f"is {HOSTILE}")
    page.keyboard.press("Escape")
    page.locator("#at-work tr[data-id=ord-3] button").click()
    expect(page.locator("#detail dd", has_text=HOSTILE)).to_be_visible()
    assert page.locator("img").count() == 0
