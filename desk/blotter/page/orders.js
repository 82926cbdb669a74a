// Orders as lines of two tables. Of hundreds only the cells that changed are touched, and nothing moves by itself: a
// running animation, even of a line of three pixels, has the browser draw sixty times a second for as long as it lasts.

import { byId, el, mark, say } from "./dom.js";
import { bps, clock, day, filled, named, price, shares, stands, tenth, words } from "./words.js";

const HEADS = {
  live: [["Sent", "time"], ["Order", "what"], ["Filled", "num"], ["Market", "num wide-only"], ["Limit", "num"], ["Ladder", "ladder"], ["State", "state"]],
  over: [["Ended", "time"], ["Order", "what"], ["Filled", "num"], ["At", "num"], ["Cost, bps", "num"], ["Ladder", "ladder wide-only"], ["Outcome", "state"]],
};

const KINDS = { rebalance_leg: "leg" };
const WANES_EVERY_MS = 500;
const NEW_FOR_MS = 1200;
/** As many as a chip has pixels. */
const WANES_IN = 19;

/** A table of orders, the newest first. */
export class Orders {
  constructor(place, live, name, open) {
    this.live = live;
    this.open = open;
    this.lines = new Map();
    this.sorted = [];
    this.body = el("tbody", { role: "rowgroup" });
    const heads = HEADS[live ? "live" : "over"].map(([text, kind]) => el("th", { scope: "col", role: "columnheader", class: kind, text }));
    this.table = el("table", { role: "table", "aria-label": name, class: live ? "orders live" : "orders over" },
      el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, heads)), this.body);
    this.nothing = el("p", { class: "nothing", text: live ? "Nothing is at work." : "Nothing has ended yet." });
    place.append(this.nothing, this.table);
    this.table.hidden = true;
    this.body.addEventListener("keydown", (event) => this.move(event));
    this.body.addEventListener("click", (event) => this.clicked(event));
    this.seen = new IntersectionObserver((entries) => entries.forEach((entry) => this.lines.get(entry.target.dataset.id)?.see(entry.isIntersecting)));
    setInterval(() => this.wane(), WANES_EVERY_MS);
  }

  /** What is left of the patience of what rests, of those in sight. */
  wane() {
    if (document.hidden || !this.about) return;
    const now = this.about.now();
    for (const line of this.lines.values()) {
      if (line.inSight) line.wane(now);
      if (line.newUntil < performance.now()) line.shine(0);
    }
  }

  /** Shows these rows, of which only those of `changed` are looked at; `null` means all. */
  show(rows, changed, quotes, about) {
    this.about = about;
    for (const id of changed ?? rows.keys()) this.put(id, rows.get(id), quotes, about);
    if (!changed) for (const id of [...this.lines.keys()]) if (!rows.has(id)) this.put(id, undefined);
    if (this.unsorted) this.arrange();
  }

  put(id, row, quotes, about) {
    const fits = row !== undefined && row.live === this.live;
    const line = this.lines.get(id);
    if (!fits) {
      if (line) {
        this.seen.unobserve(line.element);
        line.element.remove();
        this.lines.delete(id);
        this.unsorted = true;
      }
      return;
    }
    if (line) line.update(row, quotes, about);
    else {
      const made = new Line(id, row, this.live, quotes, about);
      this.lines.set(id, made);
      this.seen.observe(made.element);
      this.unsorted = true;
    }
  }

  arrange() {
    this.unsorted = false;
    this.sorted = [...this.lines.values()].sort((a, b) => b.at - a.at);
    let place = this.body.firstElementChild;
    for (const line of this.sorted) {
      if (line.element === place) place = place.nextElementSibling;
      else this.body.insertBefore(line.element, place);
    }
    this.table.hidden = this.sorted.length === 0;
    this.nothing.hidden = !this.table.hidden;
  }

  /** Hides what has none of it. */
  find(text) {
    const wanted = text.trim().toLowerCase();
    let seen = 0;
    for (const line of this.lines.values()) {
      const hidden = wanted !== "" && !line.says.includes(wanted);
      if (line.element.hidden !== hidden) line.element.hidden = hidden;
      seen += hidden ? 0 : 1;
    }
    return seen;
  }

  quote(symbols, quotes) {
    for (const line of this.lines.values()) if (symbols.has(line.row.symbol)) line.quote(quotes);
  }

  clicked(event) {
    const line = event.target.closest("tr");
    if (line && getSelection().isCollapsed) this.open(line.dataset.id);
  }

  move(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };
    const step = steps[event.key];
    if (step === undefined || !event.target.closest("button")) return;
    const shown = [...this.body.rows].filter((row) => !row.hidden);
    const place = shown.indexOf(event.target.closest("tr")) + step;
    const next = shown[Math.max(0, Math.min(shown.length - 1, place))];
    next?.querySelector("button").focus();
    event.preventDefault();
  }
}

class Line {
  constructor(id, row, live, quotes, about) {
    this.live = live;
    this.inSight = false;
    this.newUntil = Infinity;
    this.time = el("td", { role: "cell", class: "time" });
    this.button = el("button", { type: "button", class: "open" });
    this.side = el("span", { class: "side" });
    this.from = el("span", { class: "quiet from" });
    this.filled = el("td", { role: "cell", class: "num filled" });
    this.fill = el("span");
    this.bar = el("span", { class: "bar", "aria-hidden": "true" }, el("span"));
    this.filled.append(this.fill, this.bar);
    this.market = el("td", { role: "cell", class: "num wide-only quiet" });
    this.limit = el("td", { role: "cell", class: "num at" });
    this.chips = el("span", { class: "chips", "aria-hidden": "true" });
    this.rungs = el("span", { class: "unseen" });
    this.state = el("td", { role: "cell", class: "state" });
    this.badge = el("span", { class: "badge" });
    this.why = el("span", { class: "why" });
    this.state.append(this.badge, this.why);
    const ladder = el("td", { role: "cell", class: live ? "ladder" : "ladder wide-only" }, this.chips, this.rungs);
    this.cost = el("td", { role: "cell", class: "num cost" });
    const what = el("th", { scope: "row", role: "rowheader", class: "what" }, this.button, this.side, this.from);
    const cells = live ? [this.market, this.limit, ladder] : [this.limit, this.cost, ladder];
    this.element = el("tr", { role: "row" }, this.time, what, this.filled, ...cells, this.state);
    this.element.dataset.id = id;
    this.update(row, quotes, about, true);
  }

  update(row, quotes, about, first = false) {
    const before = this.row;
    this.row = row;
    // As a number: of two texts, one without a fraction of a second would always be the later one.
    this.at = Date.parse((this.live ? null : row.completed_at) ?? row.received_at);
    this.says = [row.symbol, row.strategy, row.status, row.reason, row.side, row.signal_id, row.about, row.kind].join(" ").toLowerCase();
    const at = this.live ? row.first_sent_at ?? row.created_at : row.completed_at;
    say(this.time, day(at) === about.today ? clock(at) : day(at));
    mark(this.time, "title", `${day(at)} ${clock(at)} ET`);
    say(this.button, row.symbol ?? "—");
    mark(this.button, "aria-label", `${named(row)}, open`);
    say(this.side, `${row.side ?? ""} ${shares(row.requested_qty)}`.trim());
    mark(this.side, "data-side", row.side);
    say(this.from, row.kind === "order" ? row.strategy ?? "" : [kind(row), row.strategy].filter(Boolean).join(" · "));
    mark(this.from, "title", row.about);
    mark(this.element, "data-about", Boolean(row.about));
    say(this.fill, filled(row));
    const part = Number(row.requested_qty) ? Number(row.filled_qty) / Number(row.requested_qty) : 0;
    this.bar.firstElementChild.style.setProperty("--part", part);
    this.ladder(row, about);
    if (this.live) this.quote(quotes);
    else say(this.cost, bps(row.slippage_bps));
    const newest = row.rungs.at(-1);
    const limit = newest && (newest.limit_price === null ? "market" : price(newest.limit_price));
    say(this.limit, this.live ? limit ?? "" : price(row.avg_fill_price));
    mark(this.badge, "data-stands", stands(row));
    say(this.badge, words(row.status));
    say(this.why, this.live ? row.waits ?? "" : words(row.reason) || row.stands);
    mark(this.why, "class", /UNPROTECTED/.test(row.stands) ? "why bad" : "why");
    if (!first && this.inSight && before.filled_qty !== row.filled_qty) this.shine(NEW_FOR_MS);
  }

  see(inSight) {
    this.inSight = inSight;
  }

  /** What was just filled stands out for a moment. */
  shine(milliseconds) {
    this.newUntil = milliseconds ? performance.now() + milliseconds : Infinity;
    this.element.classList.toggle("new", milliseconds > 0);
  }

  wane(now) {
    if (!this.waning) return;
    const { left, sent, patience } = this.waning;
    const part = Math.max(0, 1 - (now - sent) / patience);
    const text = String(Math.ceil(part * WANES_IN) / WANES_IN);
    if (left.style.getPropertyValue("--left") !== text) left.style.setProperty("--left", text);
  }

  quote(quotes) {
    const quote = quotes.get(this.row.symbol);
    say(this.market, quote ? `${price(quote.bid)} / ${price(quote.ask)}` : "");
  }

  ladder(row, about) {
    const signature = JSON.stringify([row.rungs, row.sent]);
    if (this.signature === signature) return;
    this.signature = signature;
    const older = row.sent - row.rungs.length;
    const chips = row.rungs.map((rung, place) => chip(rung, older + place + 1));
    this.waning = null;
    const rests = row.live ? row.rungs.findLastIndex((rung) => rung.open && Number(rung.patience)) : -1;
    if (rests >= 0) {
      const left = el("span", { class: "left" });
      chips[rests].append(left);
      this.waning = { left, sent: Date.parse(row.rungs[rests].sent_at), patience: Number(row.rungs[rests].patience) * 1000 };
      this.wane(about.now());
    }
    this.chips.replaceChildren(...(older > 0 ? [el("span", { class: "more", text: `+${older}` })] : []), ...chips);
    const newest = row.rungs.at(-1);
    say(this.rungs, newest ? `rung ${newest.rung} ${words(newest.status)}, ${row.sent} sent` : "nothing sent");
  }
}

/** What it is, if it is no order of its own, and what it is about. */
function kind(row) {
  const name = KINDS[row.kind] ?? row.kind;
  return row.about ? `${name} of ${row.about}` : name;
}

/** A rung as a small mark: its number, and how it ended or stands. */
function chip(rung, number) {
  const part = Number(rung.filled_qty) / Number(rung.qty);
  const kind = part >= 1 ? "filled" : part > 0 ? "part" : rung.open ? "open" : rung.status === "rejected" ? "bad" : "gone";
  const at = rung.limit_price === null ? "market" : price(rung.limit_price);
  return el("span", { class: "chip", "data-kind": kind, title: `${at}, ${words(rung.status)}, sent ${tenth(rung.sent_at)}` }, String(number));
}

/** How many there are, and how many of them are shown. */
export function count(place, all, shown) {
  say(byId(place), shown === all ? String(all) : `${shown} of ${all}`);
}
