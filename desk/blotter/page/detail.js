// One order in full, beside the list; read anew whenever its line changes.

import { byId, el } from "./dom.js";
import { ladder } from "./ladder.js";
import { bps, filled, named, price, shares, stands, tenth, weekday, words } from "./words.js";

const CANCELLED_ALONE = new Set(["order", "bracket", "close"]);

export class Detail {
  constructor(feed, control, move) {
    this.feed = feed;
    this.control = control;
    this.move = move;
    this.dialog = byId("detail");
    this.dialog.addEventListener("close", () => this.closed());
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    new ResizeObserver(() => this.order && this.picture()).observe(this.dialog);
  }

  open(id) {
    this.id = id;
    this.order = null;
    this.back = document.activeElement;
    this.dialog.replaceChildren(
      this.head = el("header", {}),
      this.body = el("div", { class: "inside" }, el("p", { class: "nothing", text: "Reading the record…" })),
    );
    this.headline(this.feed.rows("orders").get(id));
    if (!this.dialog.open) this.dialog.showModal();
    this.read();
  }

  closed() {
    this.id = null;
    this.order = null;
    clearInterval(this.ticks);
    this.back?.focus?.();
  }

  /** The order's line changed. */
  changed(ids) {
    if (this.id && ids.has(this.id)) this.read();
  }

  async read() {
    const id = this.id;
    const answer = await this.feed.ask("GET", `/api/orders/${encodeURIComponent(id)}`).catch(() => null);
    if (this.id !== id) return;
    if (!answer?.ok) {
      this.body.replaceChildren(el("p", { class: "nothing", role: "alert", text: answer ? await answer.text() : "The blotter does not answer." }));
      return;
    }
    this.order = await answer.json();
    this.show();
  }

  show() {
    const { order } = this;
    this.headline(order.row);
    this.place = el("div");
    this.body.replaceChildren(...[facts(order), this.place, rungs(order), ...guards(order), events(order)].filter(Boolean));
    this.picture();
    clearInterval(this.ticks);
    // What rests grows with the time.
    if (order.row.live) this.ticks = setInterval(() => this.picture(), 500);
  }

  picture() {
    const drawn = ladder(this.order, Math.max(280, this.body.clientWidth - 2), this.feed.now());
    this.place.replaceChildren(...(drawn ? [drawn] : []));
  }

  headline(row) {
    if (!this.head.firstElementChild) {
      this.title = el("h2", { id: "detail-title" });
      this.stands = el("p", { class: "line" });
      this.cancel = el("button", { type: "button", class: "cancel", onclick: () => this.control.askCancel(named(this.row), this.row.signal_id) }, "Cancel…");
      this.moves = el("button", { type: "button", onclick: () => this.move(this.bracket()) }, "Move stop or target…");
      const close = el("button", { type: "button", class: "close", "aria-label": "Close", onclick: () => this.dialog.close() }, "✕");
      this.head.append(this.title, this.stands, this.moves, this.cancel, close);
    }
    this.row = row;
    this.title.textContent = row ? named(row) : "Order";
    const why = row && (words(row.reason) || row.waits || row.stands);
    this.stands.replaceChildren(...(row ? [el("span", { class: "badge", "data-stands": stands(row), text: words(row.status) }), el("span", { class: "why", text: why })] : []));
    // A leg goes by its rebalance's signal, an exit by that of what it exits: neither is taken back alone.
    this.cancel.hidden = !row?.live || !CANCELLED_ALONE.has(row.kind);
    this.moves.hidden = row?.kind !== "bracket" || !(row.live || Number(row.holds));
  }

  /** What its exits are now. */
  bracket() {
    const { row } = this;
    const quote = this.feed.rows("quotes").get(row.symbol);
    return { signal_id: row.signal_id, symbol: row.symbol, side: row.side, qty: row.holds, stop: row.stop_loss, target: row.take_profit, mark: quote ? (Number(quote.bid) + Number(quote.ask)) / 2 : null };
  }
}

function reward(order) {
  const now = order.risk_reward && Number(order.risk_reward).toFixed(2);
  const entered = order.entry_risk_reward && Number(order.entry_risk_reward).toFixed(2);
  if (!now && !(entered && Number(order.filled_qty))) return "";
  return `, ${now ? `${now} for a risk of 1` : "no risk left"}${entered && entered !== now ? ` (entered at ${entered})` : ""}`;
}

function facts(order) {
  const arrival = order.arrival_bid && `${price(order.arrival_bid)} / ${price(order.arrival_ask)}`;
  const cap = order.max_slippage_bps && `${Number(order.max_slippage_bps)} bps${order.worst_price ? `, ${price(order.worst_price)}` : ""}`;
  const fill = order.avg_fill_price && `${filled(order)} at ${price(order.avg_fill_price)}${order.seconds_to_fill ? ` in ${Number(order.seconds_to_fill)} s` : ""}`;
  const exits = order.stop_loss && `stop ${price(order.stop_loss)}, target ${price(order.take_profit)}${reward(order)}`;
  const shown = {
    Signal: order.signal_id,
    Strategy: order.strategy,
    Created: `${weekday(order.created_at)} ${tenth(order.created_at)} ET`,
    Ladder: order.ladder && `${words(order.ladder)}${order.symbol_class ? `, ${words(order.symbol_class)}` : ""}`,
    Arrival: arrival,
    [order.signal_price ? "Signal's price" : "Reference"]: order.reference_price && price(order.reference_price),
    Cap: cap,
    Filled: fill,
    Slippage: order.slippage_bps && `${bps(order.slippage_bps)} bps${order.cap_breached ? ", beyond the cap" : ""}`,
    Shortfall: order.shortfall_bps && `${bps(order.shortfall_bps)} bps against the mid on arrival`,
    Exits: exits,
    Rebalance: order.rebalance_id,
    Order: order.order_id,
  };
  return el("dl", { class: "facts" }, Object.entries(shown).filter(([, value]) => value).map(([name, value]) => el("div", {}, el("dt", { text: name }), el("dd", { text: value }))));
}

function table(caption, heads, rows) {
  const columns = heads.map(([text, kind]) => el("th", { scope: "col", class: kind ?? null, text }));
  const lines = rows.map((cells) => el("tr", {}, cells.map((cell, place) => el("td", { class: heads[place][1] ?? null, text: cell ?? "" }))));
  return el("div", { class: "scrolls", tabindex: "0", role: "region", "aria-label": caption }, el("table", { class: "small-table" }, el("caption", { text: caption }), el("thead", {}, el("tr", {}, columns)), el("tbody", {}, lines)));
}

function rungs(order) {
  if (!order.rungs.length) return null;
  const heads = [["#", "num"], ["Sent"], ["Bid", "num"], ["Ask", "num"], ["Limit", "num"], ["Shares", "num"], ["Filled", "num"], ["At", "num"], ["Ended"], ["Seconds", "num"]];
  const rows = order.rungs.map((rung, place) => [
    String((order.older_rungs ?? 0) + place + 1), tenth(rung.sent_at), price(rung.bid), price(rung.ask), rung.limit_price === null ? "market" : price(rung.limit_price),
    shares(rung.qty), Number(rung.filled_qty) ? shares(rung.filled_qty) : "", price(rung.avg_fill_price), words(rung.status),
    rung.closed_at ? ((Date.parse(rung.closed_at) - Date.parse(rung.sent_at)) / 1000).toFixed(1) : "",
  ]);
  return table("Child orders", heads, rows);
}

function guards(order) {
  const made = [];
  if (order.protections.length) {
    const heads = [["Placed"], ["Shares", "num"], ["Stop", "num"], ["Target", "num"], ["Stands"]];
    const rows = order.protections.map((oco) => [tenth(oco.placed_at), shares(oco.qty), price(oco.stop), price(oco.target), words(oco.status)]);
    made.push(table("Protection", heads, rows));
  }
  if (order.exits.length) {
    const heads = [["Left"], ["Shares", "num"], ["Price", "num"], ["By"]];
    const rows = order.exits.map((gone) => [tenth(gone.at), shares(gone.qty), price(gone.price), words(gone.reason)]);
    made.push(table("Exits", heads, rows));
  }
  return made;
}

function events(order) {
  if (!order.events.length) return null;
  const lines = order.events.map((event) => el("li", {}, el("time", { datetime: event.at, text: tenth(event.at) }), el("span", { class: "step", text: event.state }), el("span", { text: event.detail })));
  return el("section", { class: "events" }, el("h3", { text: "History" }), el("ol", {}, lines));
}

