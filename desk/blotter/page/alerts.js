// Alerts that still ask for a person: what the log says, and of which order.

import { Kept, byId, el, mark, nothing, say } from "./dom.js";
import { since } from "./words.js";

const LISTED = 20;

export class Alerts {
  constructor(open, control) {
    this.control = control;
    this.open = [];
    this.cards = new Kept(byId("alerts"), () => card(open));
    this.nothing = nothing(byId("alerts"), "None is open.");
    this.more = el("p", { class: "nothing", hidden: true });
    byId("alerts").after(this.more);
    byId("acknowledge").addEventListener("click", () => this.ask());
  }

  show(rows) {
    this.open = [...rows.values()].sort((a, b) => (a.at < b.at ? 1 : -1));
    this.cards.show(this.open.slice(0, LISTED), (row) => row.alert_id);
    this.nothing.hidden = this.open.length > 0;
    this.more.hidden = this.open.length <= LISTED;
    say(this.more, `and ${this.open.length - LISTED} older ones: repeg alerts`);
    byId("acknowledge").hidden = this.open.length === 0;
    say(byId("alerts-count"), String(this.open.length));
    mark(byId("alerts-count"), "data-stands", this.open.length ? "bad" : null);
  }

  /** What comes while it is being asked is not acknowledged with it. */
  ask() {
    const alerts = this.open.map((row) => row.alert_id);
    const many = alerts.length === 1 ? "this alert" : `these ${alerts.length} alerts`;
    const form = el("form", { method: "dialog" }, el("p", { text: `Say that somebody sees to ${many}. Nothing else changes, and what comes later is shown again.` }));
    const confirm = el("button", { type: "submit", class: "primary", text: `Acknowledge ${many}` });
    this.control.ask({ title: "Acknowledge alerts", form, confirm, act: () => this.control.feed.act("/api/acknowledge", { alerts }), back: byId("alerts-title") });
  }
}

function card(open) {
  const when = el("span", { class: "quiet" });
  const about = el("button", { type: "button", class: "link-like" });
  const plain = el("span", { class: "symbol small" });
  const says = el("p", { class: "says" });
  const element = el("li", { class: "card" }, el("p", { class: "line" }, about, plain, when), says);
  let id = null;
  about.addEventListener("click", () => open(id));
  return {
    element,
    update(row) {
      id = row.order_id;
      about.hidden = !id;
      say(about, row.symbol ?? row.order_id ?? "");
      mark(about, "aria-label", id ? `${row.symbol ?? "order"} ${id}, open` : null);
      plain.hidden = Boolean(id);
      say(plain, row.symbol ?? row.rebalance_id ?? "the stack");
      // The log's times are the wall's.
      say(when, since(row.at, Date.now()));
      say(says, row.alert);
    },
  };
}
