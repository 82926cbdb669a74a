// What stands around the orders: account and figures, positions, rebalances, alarms.

import { Kept, byId, el, mark, nothing, say } from "./dom.js";
import { percent, plus, price, shares, signed, since, whole, words } from "./words.js";

const FIGURES = {
  AverageSlippagePercent: ["Slippage", (value) => `${Number(value).toFixed(3)} %`],
  RejectionRatePercent: ["Rejected", (value) => `${Number(value).toFixed(1)} %`],
  AverageRiskReward: ["Reward / risk", (value) => Number(value).toFixed(2)],
  FillRatePercent: ["Filled in 60 s", (value) => `${Number(value).toFixed(1)} %`],
};
const STANDS = { met: "on target", missed: "off target", alarm: "beyond alarm" };

/** Equity, profit of the day and of what is open, and the four figures beside their targets. */
export class Figures {
  constructor() {
    this.cards = new Kept(byId("figures"), () => card());
  }

  show(account, positions, figures, realised) {
    const open = [...positions.values()].filter((row) => row.pnl !== null);
    const pnl = open.length ? open.reduce((sum, row) => sum + Number(row.pnl), 0) : null;
    const rows = [
      { key: "equity", name: "Equity", value: account ? whole(account.equity) : "—", note: standing(account) },
      { key: "pnl", name: "Open profit", value: signed(pnl), tone: tone(pnl), note: `${open.length} ${open.length === 1 ? "position" : "positions"}, at the mid` },
      { key: "realised", name: "Realised today", value: realised ? signed(realised.realised) : "—", tone: realised ? tone(realised.realised) : null, note: traded(realised), title: realised?.trouble },
      ...Object.entries(FIGURES).map(([key, [name, text]]) => figure(key, name, text, figures.get(key))),
    ];
    this.cards.show(rows, (row) => row.key);
  }
}

/** How many trades it is of, and what is not counted in it. */
function traded(day) {
  if (!day) return "reading all orders";
  const uncounted = [
    ...Object.entries(day.unmatched).map(([symbol, qty]) => `${shares(qty)} ${symbol}`),
    ...(day.unpriced_qty === "0" ? [] : [`${shares(day.unpriced_qty)} without a price`]),
  ];
  const known = uncounted.length ? `; not counted: ${uncounted.join(", ")}` : day.trouble ? "; splits not known" : "";
  return `${day.trades} ${day.trades === 1 ? "trade" : "trades"}, ${day.wins} won, before fees${known}`;
}

function standing(account) {
  if (!account) return "the broker is asked";
  return account.today === null ? `${whole(account.buying_power)} buying power` : `${signed(account.today)} since the last close`;
}

function figure(key, name, text, row) {
  if (!row) return { key, name, value: "—", note: "" };
  const sign = (row.above ? "<" : ">") + (row.itself ? "=" : "");
  const target = `target ${sign} ${text(row.target)}`;
  if (row.value === null) return { key, name, value: "—", note: `${target}; from ${row.fewest} orders on`, title: row.says };
  return { key, name, value: text(row.value), note: target, state: row.stands, title: row.says };
}

function card() {
  const name = el("p", { class: "name" });
  const value = el("p", { class: "value" });
  const note = el("p", { class: "note" });
  const state = el("span", { class: "stands" });
  const element = el("li", { class: "figure" }, name, value, note, state);
  return {
    element,
    update(row) {
      say(name, row.name);
      say(value, row.value);
      mark(value, "data-tone", row.tone);
      say(note, row.note);
      mark(element, "title", row.title);
      mark(state, "data-stands", row.state);
      say(state, row.state ? STANDS[row.state] : "");
    },
  };
}

const tone = (value) => (value === null || Number(value) === 0 ? null : Number(value) > 0 ? "up" : "down");

/** What is held, by how much it is up, and what guards it. */
export class Positions {
  constructor(open, move) {
    this.cards = new Kept(byId("positions"), () => position(open, move));
    this.nothing = nothing(byId("positions"), "Nothing is held.");
  }

  show(rows) {
    const sorted = [...rows.values()].sort((a, b) => alarming(b) - alarming(a) || Math.abs(b.value ?? 0) - Math.abs(a.value ?? 0));
    this.cards.show(sorted, (row) => row.symbol);
    this.nothing.hidden = sorted.length > 0;
    say(byId("positions-count"), String(sorted.length));
  }
}

const CALM = new Set(["covered"]);
const alarming = (row) => Number(row.brackets.some((bracket) => !CALM.has(bracket.verdict)));

function position(open, move) {
  const symbol = el("span", { class: "symbol" });
  const held = el("span", { class: "quiet" });
  const pnl = el("span", { class: "pnl" });
  const part = el("span", { class: "quiet" });
  const brackets = el("ul", { class: "brackets" });
  const kept = new Kept(brackets, () => bracket(open, move));
  const element = el("li", { class: "card" }, el("p", { class: "line" }, symbol, pnl), el("p", { class: "line" }, held, part), brackets);
  return {
    element,
    update(row) {
      say(symbol, row.symbol);
      say(held, `${shares(row.qty)} at ${price(row.entry)}${row.mark ? `, now ${price(row.mark)}` : ""}`);
      say(pnl, signed(row.pnl));
      mark(pnl, "data-tone", tone(row.pnl));
      say(part, row.pnl_percent === null ? "" : `${plus(Number(row.pnl_percent), 2)} %`);
      kept.show(row.brackets.map((each) => ({ ...each, mark: row.mark, symbol: row.symbol })), (each) => each.order_id);
    },
  };
}

function bracket(open, move) {
  const badge = el("span", { class: "badge" });
  const button = el("button", { type: "button", class: "link-like" });
  const r = el("span", { class: "quiet" });
  const range = el("span", { class: "range", "aria-hidden": "true" }, el("span", { class: "entry" }), el("span", { class: "mark" }));
  const stop = el("span");
  const target = el("span");
  let shown = null;
  const moves = el("button", { type: "button", class: "link-like small", onclick: () => move(shown) }, "Move…");
  const element = el("li", {}, el("p", { class: "line" }, badge, button, r), range, el("p", { class: "line ends quiet" }, stop, moves, target));
  let id = null;
  button.addEventListener("click", () => open(id));
  return {
    element,
    update(row) {
      id = row.order_id;
      shown = row;
      mark(moves, "aria-label", `Move stop or target of ${row.symbol}, ${row.signal_id}`);
      say(badge, row.verdict === "covered" ? "protected" : row.verdict);
      mark(badge, "data-stands", CALM.has(row.verdict) ? "good" : "bad");
      say(button, `${shares(row.qty)} ${row.side === "sell" ? "short" : "long"}`);
      mark(button, "aria-label", `${shares(row.qty)} ${row.side === "sell" ? "short" : "long"} by ${row.signal_id}, open`);
      say(r, row.r === null ? "" : `${plus(Number(row.r), 2)} R`);
      say(stop, row.stop ? `stop ${price(row.stop)}` : "");
      say(target, row.target ? `target ${price(row.target)}` : "");
      range.hidden = !row.stop || !row.target;
      const along = (value) => Math.max(0, Math.min(1, (value - row.stop) / (row.target - row.stop)));
      if (!range.hidden) {
        range.style.setProperty("--entry", along(row.entry ?? row.stop));
        range.style.setProperty("--mark", row.mark === null ? -1 : along(row.mark));
        mark(range, "data-tone", tone(row.r));
      }
      range.lastElementChild.hidden = row.mark === null;
    },
  };
}

/** How far each rebalance is, leg by leg. */
export class Rebalances {
  constructor(open, cancel) {
    this.cards = new Kept(byId("rebalances"), () => rebalance(open, cancel));
    this.nothing = nothing(byId("rebalances"), "There was none.");
  }

  show(rows) {
    const sorted = [...rows.values()].sort((a, b) => b.live - a.live || (a.created_at < b.created_at ? 1 : -1));
    this.cards.show(sorted.slice(0, 3), (row) => row.rebalance_id);
    this.nothing.hidden = sorted.length > 0;
  }
}

function rebalance(open, cancel) {
  const name = el("span", { class: "symbol small" });
  const badge = el("span", { class: "badge" });
  const bar = el("progress", { max: 1, "aria-label": "part that is done" });
  const told = el("span", { class: "quiet" });
  const legs = el("ul", { class: "legs" });
  const kept = new Kept(legs, () => leg(open));
  const shown = el("details", {}, el("summary", { text: "Legs" }), legs);
  const left = el("ul", { class: "left-over quiet" });
  let signal = null;
  const stop = el("button", { type: "button", class: "cancel small", onclick: () => cancel(`rebalance ${signal}`, signal) }, "Cancel…");
  const element = el("li", { class: "card" }, el("p", { class: "line" }, name, badge), bar, el("p", { class: "line" }, told, stop), shown, left);
  let live = null;
  return {
    element,
    update(row) {
      signal = row.signal_id;
      stop.hidden = !row.live;
      mark(stop, "aria-label", `Cancel rebalance ${signal}`);
      say(name, row.signal_id);
      say(badge, words(row.status) + (row.dry_run ? ", dry run" : ""));
      mark(badge, "data-stands", row.live ? "busy" : row.status === "done" ? "good" : row.status === "done_with_residual" ? "some" : "bad");
      bar.value = Number(row.done);
      bar.hidden = row.legs.length === 0;
      const cost = row.cost_bps === null ? "" : `, cost ${Number(row.cost_bps).toFixed(1)} bps`;
      say(told, row.legs.length ? `${row.over} of ${row.legs.length} legs are over${cost}` : words(row.reason) || "no legs");
      kept.show(row.legs, (each) => each.order_id);
      shown.hidden = row.legs.length === 0;
      if (live !== row.live) shown.open = row.live;
      live = row.live;
      left.replaceChildren(...row.residual.map((each) => el("li", { text: `${each.symbol} ${percent(each.drift)} off: ${each.why}` })));
    },
  };
}

function leg(open) {
  const button = el("button", { type: "button", class: "link-like" });
  const what = el("span", { class: "quiet" });
  const state = el("span", { class: "badge small" });
  const bar = el("span", { class: "bar", "aria-hidden": "true" }, el("span"));
  const element = el("li", {}, button, what, bar, state);
  let id = null;
  button.addEventListener("click", () => open(id));
  return {
    element,
    update(row) {
      id = row.order_id;
      say(button, row.symbol);
      mark(button, "disabled", row.status === null);
      say(what, `${row.side}, ${percent(row.current_weight)} → ${percent(row.target_weight)}`);
      say(state, row.status === null ? (row.half === "buy" ? "after the sells" : "to come") : words(row.status));
      mark(state, "data-stands", row.status === "filled" ? "good" : row.status === "failed" ? "bad" : row.over ? "some" : row.status ? "busy" : "none");
      bar.firstElementChild.style.setProperty("--part", row.done);
    },
  };
}

/** Those that ring with what to do, the others in one line. */
export class Alarms {
  constructor() {
    const ringing = el("ul", { class: "cards" });
    const quiet = el("ul", { class: "quiet-alarms" });
    this.words = el("summary");
    this.details = el("details", {}, this.words, quiet);
    this.nothing = el("p", { class: "nothing", text: "None rings." });
    byId("alarms").append(ringing, this.nothing, this.details);
    this.ringing = new Kept(ringing, () => alarm());
    this.quiet = new Kept(quiet, () => calm());
  }

  show(rows, now) {
    const sorted = [...rows.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    const rings = sorted.filter((row) => row.state === "ALARM");
    const others = sorted.filter((row) => row.state !== "ALARM");
    this.ringing.show(rings.map((row) => ({ ...row, when: since(row.since, now) })), (row) => row.name);
    this.quiet.show(others, (row) => row.name);
    say(byId("alarms-count"), String(rings.length));
    mark(byId("alarms-count"), "data-stands", rings.length ? "bad" : null);
    this.nothing.hidden = rings.length > 0;
    this.details.hidden = others.length === 0;
    say(this.words, `${others.length} quiet`);
  }
}

function alarm() {
  const name = el("span", { class: "symbol small" });
  const when = el("span", { class: "quiet" });
  const says = el("p", { class: "says" });
  const element = el("li", { class: "card rings" }, el("p", { class: "line" }, name, when), says);
  return {
    element,
    update(row) {
      say(name, words(row.name).replaceAll("-", " "));
      say(when, `since ${row.when}${row.muted ? ", muted" : ""}`);
      say(says, row.says);
    },
  };
}

function calm() {
  const element = el("li");
  return { element, update: (row) => say(element, `${row.name.replaceAll("-", " ")}${row.state === "OK" ? "" : ": no data"}`) };
}
