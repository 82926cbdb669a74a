"""With 500 live orders: what changed is sent and touched, nothing else, and nothing moves by itself."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import LIVE, Blotter, Many

CHANGED = range(0, LIVE, 25)
MOST_BYTES = 4000
"""Of a change of one order of 2 KB, with the name of its event and the time."""
MOST_NODES = 12
"""Of its line: shares and their bar, marks of the ladder, the light of what is new."""
COUNT = """() => {
  window.came = 0;
  window.touched = new Map();
  const parse = JSON.parse;
  JSON.parse = (text) => ((came += text.length), parse(text));
  const line = (node) => (node.closest ? node : node.parentElement).closest("tr")?.dataset.id ?? "the list";
  const count = (name) => touched.set(name, (touched.get(name) ?? 0) + 1);
  const note = (all) => all.forEach((each) => count(line(each.target)));
  const all = { subtree: true, childList: true, attributes: true, characterData: true };
  new MutationObserver(note).observe(document.querySelector("#at-work tbody"), all);
}"""


def test_a_change_costs_its_line_and_no_other(many: tuple[Blotter, Many], page: Page) -> None:
    blotter, rows = many
    page.emulate_media(reduced_motion="no-preference")
    blotter.shown(page)
    expect(page.locator("#at-work tr[data-id]")).to_have_count(LIVE)
    assert page.evaluate("document.getAnimations().length") == 0, "what animates is drawn sixty times a second"
    # The patience of what rests is over by now: its line does not shrink any more, so that only changes touch anything.
    page.evaluate(COUNT)
    for place in CHANGED:
        rows.fill(place, place % 90 + 1)
    for place in CHANGED:
        expect(page.locator(f"#at-work tr[data-id=ord-{place}] .filled")).to_contain_text(f"{place % 90 + 1} / 100")
    touched = page.evaluate("Object.fromEntries(touched)")
    assert set(touched) == {f"ord-{place}" for place in CHANGED}
    assert max(touched.values()) <= MOST_NODES
    assert page.evaluate("came") <= len(CHANGED) * MOST_BYTES
    assert page.evaluate("document.getAnimations().length") == 0


def test_on_a_phone_too_they_fit_and_what_is_out_of_sight_is_not_drawn(
    many: tuple[Blotter, Many], browser: Browser
) -> None:
    blotter, _ = many
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = blotter.shown(context.new_page())
    expect(page.locator("#at-work tr[data-id]")).to_have_count(LIVE)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    first, last = (page.locator("#at-work tr[data-id] .filled").nth(place) for place in (0, LIVE - 1))
    drawn = "(cell) => cell.checkVisibility({ contentVisibilityAuto: true })"
    assert (first.evaluate(drawn), last.evaluate(drawn)) == (True, False)
    # The find field, and the keyboard, reach what is far below.
    page.locator("#find").fill("ord-3")
    expect(page.locator("#at-work-count")).to_have_text("111 of 500")
    page.locator("#find").fill("")
    page.locator("#at-work tr[data-id] button").first.focus()
    page.keyboard.press("End")
    expect(page.locator("#at-work tr[data-id=ord-0] button")).to_be_focused()
    assert last.evaluate(drawn)
    context.close()
