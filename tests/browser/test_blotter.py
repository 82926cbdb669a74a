"""The blotter in a browser: what is pushed shows, the keyboard is enough, and nobody is kept out."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from desk.blotter import closings
from desk.positions.flatten import Closing, Flattening
from repeg.domain.halt import Halt, Mode
from repeg.domain.order.children import ChildStatus
from repeg.domain.order.record import UNKNOWN_SYMBOL
from repeg.domain.reasons import Reason, Status
from repeg.store.halts import Halts
from tests.browser.conftest import PATIENCE_MS, Blotter, close_of
from tests.support.make import NOON, child, with_fields

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
NOTE_TOUCHED = """() => {
  window.touched = new Set();
  const line = (node) => (node.closest ? node : node.parentElement).closest("tr");
  const note = (all) => all.forEach((each) => touched.add(line(each.target)?.dataset.id ?? "the list"));
  const all = { subtree: true, childList: true, attributes: true, characterData: true };
  new MutationObserver(note).observe(document.querySelector("#at-work tbody"), all);
}"""
expect.set_options(timeout=PATIENCE_MS)


def test_an_order_shows_as_it_goes_from_rung_to_fill_and_only_its_line_is_touched(blotter: Blotter, page: Page) -> None:
    blotter.shown(page)
    expect(page.locator("#at-work tr[data-id]")).to_have_count(2)
    page.evaluate(NOTE_TOUCHED)
    found = blotter.desk.store.get("ord-1")
    assert found
    part = child(filled_qty=Decimal(40), avg_fill_price=Decimal("50.98"))
    working = blotter.desk.store.save(with_fields(found, children=(part,)))
    line = page.locator("#at-work tr[data-id=ord-1]")
    expect(line.locator(".filled")).to_contain_text("40 / 100")
    assert page.evaluate("[...touched]") == ["ord-1"]
    whole = child(filled_qty=Decimal(100), avg_fill_price=Decimal("50.98"), status=ChildStatus.FILLED, closed_at=NOON)
    blotter.desk.store.finish(with_fields(working, status=Status.FILLED, children=(whole,), completed_at=NOON))
    expect(page.locator("#over tr[data-id=ord-1]")).to_contain_text("50.98")
    expect(page.locator("#at-work tr[data-id]")).to_have_count(1)
    expect(page.locator("#news")).to_have_text("buy 100 TQQQ filled at 50.98")


def test_the_keyboard_alone_opens_an_order_halts_and_resumes(blotter: Blotter, page: Page) -> None:
    blotter.shown(page)
    page.keyboard.press("Control+k")
    page.keyboard.type("tqqq")
    expect(page.locator("#at-work tr[data-id]:visible")).to_have_count(1)
    page.locator("#at-work tr[data-id=ord-1] button").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("Child orders")
    expect(page.get_by_role("img")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#at-work tr[data-id=ord-1] button")).to_be_focused()
    page.keyboard.press("F8")
    page.keyboard.type("odd prints")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").first).to_contain_text("odd prints")
    [word] = Halts(blotter.clinic["dynamodb"], "repeg").halts()
    assert (word.mode.value, word.reason) == ("halted", "odd prints")
    page.get_by_role("button", name="Resume…").press("Enter")
    expect(page.get_by_role("button", name="Resume the account")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Resume…")).to_have_count(0)
    assert Halts(blotter.clinic["dynamodb"], "repeg").halts() == ()


def test_a_page_without_the_key_of_this_run_shows_nothing(blotter: Blotter, browser: Browser) -> None:
    context = browser.new_context()
    tab = context.new_page()
    tab.goto(blotter.address.partition("#")[0])
    expect(tab.get_by_role("alert").last).to_contain_text("terminal")
    tab.goto(blotter.address + "x")
    tab.reload()
    expect(tab.get_by_text("has ended")).to_be_visible()
    assert tab.locator("tr[data-id]").count() == 0
    context.close()


# What of an order's line is cut off by the edge of its table.
CUT_OFF = """() => [...document.querySelectorAll(".orders tr > *")].filter((cell) => {
  const { left, right } = cell.closest("table").getBoundingClientRect();
  const place = cell.getBoundingClientRect();
  const broken = !cell.matches(".what") && cell.scrollWidth > cell.clientWidth + 1;
  return place.width && (broken || place.left < left || place.right > right - 4);
}).map((cell) => `${innerWidth} px: ${cell.textContent}`)"""


def test_no_width_cuts_off_how_an_order_stands_nor_breaks_it(blotter: Blotter, page: Page) -> None:
    taken = blotter.desk.taken_in("ord-3", symbol="CRWD", strategy="momentum")
    over = with_fields(taken, status=Status.REJECTED, reason=Reason.INSUFFICIENT_BUYING_POWER, completed_at=NOON)
    blotter.desk.store.finish(over)
    lost = blotter.desk.taken_in("ord-4", symbol=UNKNOWN_SYMBOL, kind="cancel", side=None, requested_qty=None)
    about = with_fields(lost, status=Status.DONE, reason=Reason.UNKNOWN_ORDER, names="s-lost", completed_at=NOON)
    blotter.desk.store.finish(about)
    blotter.shown(page)
    expect(page.locator("#clock")).to_have_text(re.compile(r"\d\d:\d\d:\d\d"))
    line = page.locator("#over tr[data-id=ord-4] .what")
    expect(line).to_have_text("—cancel of s-lost")
    for width in (765, 1101, 1200, 1280, 1366, 1400):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(CUT_OFF) == []
        heights = page.evaluate("[...document.querySelectorAll('#over tbody tr')].map((line) => line.offsetHeight)")
        assert width < 1200 or max(heights) <= 40, width


@pytest.mark.parametrize("width", [390, 1400])
def test_no_price_beside_the_drawing_of_a_ladder_is_cut_off(blotter: Blotter, page: Page, width: int) -> None:
    prices = {"reference_price": Decimal("1534.80"), "max_slippage_bps": Decimal(1)}
    rested = child(limit_price=Decimal("1534.82"), bid=Decimal("1534.75"), ask=Decimal("1534.85"))
    blotter.desk.working("ord-5", **prices)
    blotter.desk.store.save(with_fields(blotter.desk.store.get("ord-5"), children=(rested,)))
    page.set_viewport_size({"width": width, "height": 800})
    blotter.shown(page).locator("#at-work tr[data-id=ord-5] button").click()
    labels = page.locator(".drawn .label")
    expect(labels.filter(has_text=re.compile(r"^cap 1534\.\d\d$"))).to_be_visible()
    drawn = page.locator("svg.drawn").bounding_box()
    placed = [label.bounding_box() for label in labels.all()]
    assert drawn and len(placed) == 3
    assert all(label and label["x"] + label["width"] <= drawn["x"] + drawn["width"] for label in placed)


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1280)])
def test_no_rule_of_accessibility_is_broken(
    blotter: Blotter, browser: Browser, monkeypatch: pytest.MonkeyPatch, scheme: str, width: int
) -> None:
    found = Flattening([Closing("SOXL", Decimal(100), "flatten-SOXL-1", close_of("SOXL"))], [], None, "")
    monkeypatch.setattr(closings, "flattening", lambda *_: found)
    blotter.reach = lambda: None
    # What checks the page has to get into it, past its policy.
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce"
    )
    page = blotter.shown(context.new_page())
    expect(page.locator("#positions .symbol")).to_have_count(3)
    expect(page.locator("#at-work tr[data-id]")).to_have_count(2)
    expect(page.locator("#alarms .rings")).to_have_count(1)
    expect(page.locator("#alerts li")).to_have_count(1)
    broken = _broken(page)
    page.locator("#at-work tr[data-id=ord-1] button").click()
    expect(page.get_by_role("img")).to_be_visible()
    broken |= _broken(page)
    page.keyboard.press("Escape")
    page.locator("#halt").click()
    broken |= _broken(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Move stop or target of TQQQ").click()
    broken |= _broken(page)
    page.keyboard.press("Escape")
    Halts(blotter.clinic["dynamodb"], "repeg").keep_halt(Halt(mode=Mode.HALTED, reason="odd prints"))
    page.get_by_role("button", name="Close all…").click()
    expect(page.get_by_role("button", name="Close SOXL")).to_be_enabled()
    broken |= _broken(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()
    assert broken == {}


def _broken(page: Page) -> dict[str, str]:
    """Rules of level A and AA, and habits, each with the first element that breaks it."""
    found = Axe().run(page, options=RULES).response["violations"]
    return {each["id"]: each["nodes"][0]["html"] for each in found}
