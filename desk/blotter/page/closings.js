// Closing all that a halt is about: what would be sold is looked at and shown, and only that is done.

import { el } from "./dom.js";
import { clock, shares, weekday, whole } from "./words.js";

// The click that halted must not be taken for the one that sells.
const ARMED_AFTER_MS = 700;

export class Closings {
  constructor(feed, control) {
    this.feed = feed;
    this.control = control;
  }

  /** Of a halt that stands: `scope`, `of`, and `about` in words. */
  ask({ scope, of, about }) {
    const confirm = el("button", { type: "submit", class: "danger", disabled: true, text: "Looking…" });
    const place = el("div", { class: "closings", "aria-live": "polite" }, el("p", { text: "Looking at what is held…" }));
    const form = el("form", { method: "dialog" }, el("p", { text: "The halt stands, whatever is done here." }), place);
    let shown = null;
    const asked = this.control.ask({ title: `Close all of ${about}?`, form, confirm, calm: true, act: async () => {
      const done = await this.feed.act("/api/close", { shown });
      if (done.problems.length) throw new Error(`${done.said}; ${done.problems.join("; ")}`);
      return done;
    } });
    const look = async () => {
      const found = await this.feed.act("/api/closings", { scope, ...(of ? { of } : {}) });
      if (!asked.open) return;
      shown = found.shown;
      const sent = found.closes.filter((each) => !each.at_work);
      place.replaceChildren(...this.told(found));
      confirm.textContent = sent.length ? `Close ${sent.length === 1 ? sent[0].symbol : `${sent.length} symbols`}` : "Nothing to close";
      if (sent.length) setTimeout(() => (confirm.disabled = false), ARMED_AFTER_MS);
    };
    const tried = () => look().catch((error) => {
      if (!asked.open) return;
      const again = el("button", { type: "button", text: "Look again", onclick: () => {
        place.replaceChildren(el("p", { text: "Looking at what is held…" }));
        tried();
      } });
      place.replaceChildren(el("p", { class: "trouble", text: error.message }), el("p", {}, again));
      confirm.textContent = "Not known";
    });
    tried();
    return asked;
  }

  told(found) {
    const made = [];
    if (found.trouble) made.push(el("p", { class: "trouble", text: found.trouble }));
    if (found.closes.length) made.push(el("ul", { class: "sold" }, found.closes.map((each) => this.line(each))));
    else made.push(el("p", { text: "There is nothing to close." }));
    if (found.left.length) {
      made.push(el("p", { text: "Not closed by this:" }));
      made.push(el("ul", { class: "quiet" }, found.left.map((each) => el("li", { text: `${each.symbol}: ${each.why}` }))));
    }
    if (found.waits_until) made.push(el("p", { text: `The session is closed: they wait for the open, ${weekday(found.waits_until)} ${clock(found.waits_until).slice(0, 5)} ET; stops stay until then.` }));
    else if (found.closes.length) made.push(el("p", { class: "quiet", text: "A close has no cap on its price; stops and targets are cancelled for it." }));
    return made;
  }

  line(each) {
    const qty = each.held === null ? null : Number(each.held);
    const what = qty === null ? "sell what is held; how much is not known" : qty === 0 ? "nothing is held yet, an order is at work: it ends" : qty < 0 ? `buy back ${shares(-qty)} short` : `sell ${shares(qty)}`;
    const row = this.feed.rows("positions").get(each.symbol);
    const worth = qty && row?.mark ? `, about ${whole(Math.abs(qty * Number(row.mark)))}` : "";
    return el("li", {}, el("span", { class: "symbol small", text: each.symbol }), el("span", { text: `${what}${worth}${each.at_work ? "; a close is at work already" : ""}` }));
  }
}
