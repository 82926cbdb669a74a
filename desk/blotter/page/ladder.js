// An order's ladder drawn over the quotes that it met, as far as the record holds them.

import { drawn, el } from "./dom.js";
import { price, shares } from "./words.js";

const HEIGHT = 280;
const ROOM = { left: 12, top: 18, bottom: 26 };
// Pixels of a letter of a label, in the widest font that a browser may have for it.
const LETTER = 7;
const LONGEST_TAIL_MS = 1500;

/** The moments of which the record knows the market. */
function quotes(order, begin) {
  const arrival = order.arrival_bid ? [{ at: begin, bid: Number(order.arrival_bid), ask: Number(order.arrival_ask) }] : [];
  const seen = order.rungs.filter((rung) => rung.bid).map((rung) => ({ at: Date.parse(rung.sent_at), bid: Number(rung.bid), ask: Number(rung.ask) }));
  return [...arrival, ...seen];
}

/** Begin and end of what is drawn. */
function span(order, now) {
  const begin = Date.parse(order.rungs[0].first_sent_at ?? order.rungs[0].sent_at);
  const ends = order.rungs.map((rung) => Date.parse(rung.closed_at ?? (rung.open ? new Date(now).toISOString() : rung.sent_at)));
  const end = Math.max(begin + 500, ...ends);
  const lead = (end - begin) * 0.06;
  return { begin: begin - lead, first: begin, end: end + Math.min(LONGEST_TAIL_MS, (end - begin) * 0.05) };
}

function prices(order, seen) {
  const near = [...seen.flatMap((quote) => [quote.bid, quote.ask])];
  for (const rung of order.rungs) near.push(...[rung.limit_price, rung.avg_fill_price].filter(Boolean).map(Number));
  const low = Math.min(...near);
  const high = Math.max(...near);
  // A cap far away would press all else into a line.
  const room = Math.max(high - low, high * 0.0002);
  const lines = [["cap", order.worst_price], ["signal", order.signal_price]];
  const beside = lines.filter(([, value]) => value && Number(value) > low - room && Number(value) < high + room).map(([name, value]) => [name, Number(value)]);
  const all = [...near, ...beside.map(([, value]) => value)];
  const edge = Math.max((Math.max(...all) - Math.min(...all)) * 0.12, 0.005);
  return { low: Math.min(...all) - edge, high: Math.max(...all) + edge, beside };
}

/** The drawing, `width` pixels wide; null where nothing was sent. */
export function ladder(order, width, now) {
  if (!order.rungs.length) return null;
  const { begin, first, end } = span(order, now);
  const seen = quotes(order, begin);
  const { low, high, beside } = prices(order, seen);
  const last = seen.at(-1);
  const touch = last ? [last.ask, last.bid] : [];
  const edge = width - Math.max(64, ...[...beside.map(labelled), ...touch.map(price)].map((text) => 12 + LETTER * text.length));
  const x = (at) => ROOM.left + ((at - begin) / (end - begin)) * (edge - ROOM.left);
  const y = (value) => ROOM.top + ((high - value) / (high - low)) * (HEIGHT - ROOM.top - ROOM.bottom);
  const picture = drawn("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, class: "drawn", role: "img", "aria-label": told(order) });
  const labels = new Labels(picture, edge + 6);
  picture.append(...grid(x, y, low, high, first, end, width));
  picture.append(...market(seen, end, x, y));
  for (const [name, value] of beside) {
    picture.append(drawn("line", { class: `level ${name}`, x1: ROOM.left, x2: edge, y1: y(value), y2: y(value) }));
    labels.add(y(value), labelled([name, value]), name);
  }
  order.rungs.forEach((rung, place) => picture.append(...step(rung, place + 1, x, y, now)));
  for (const value of touch) labels.add(y(value), price(value), "quiet");
  labels.draw();
  return el("figure", { class: "ladder-figure" }, picture, legend(beside));
}

/** What stands beside a level. */
function labelled([name, value]) {
  return `${name} ${price(value)}`;
}

/** Seconds along the bottom. */
function grid(x, y, low, high, first, end, width) {
  const seconds = (end - first) / 1000;
  const steps = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];
  const step = steps.find((each) => seconds / each <= Math.max(2, width / 110)) ?? 7200;
  const made = [];
  for (let at = 0; at <= seconds; at += step) {
    const place = x(first + at * 1000);
    made.push(drawn("line", { class: "grid", x1: place, x2: place, y1: ROOM.top - 6, y2: HEIGHT - ROOM.bottom + 4 }));
    const text = at >= 120 ? `${+(at / 60).toFixed(1)} min` : `${+at.toFixed(2)} s`;
    made.push(drawn("text", { class: "axis", x: place, y: HEIGHT - 6, "text-anchor": "middle", text }));
  }
  return made;
}

/** Bid and ask, step by step, with the spread between them. */
function market(seen, end, x, y) {
  if (!seen.length) return [];
  const path = (side) => seen.map((quote, place) => `${place ? "H" : "M"}${x(quote.at)}${place ? "V" : ","}${y(quote[side])}`).join("") + `H${x(end)}`;
  const back = [...seen].reverse();
  const under = back.map((quote, place) => `${place ? `V${y(quote.bid)}` : `L${x(end)},${y(quote.bid)}`}H${x(quote.at)}`).join("");
  return [
    drawn("path", { class: "spread", d: `${path("ask")}${under}Z` }),
    drawn("path", { class: "touch", d: path("ask") }),
    drawn("path", { class: "touch", d: path("bid") }),
  ];
}

/** A child order: a line from when it was sent until it was over, at its limit; a dot for what it filled. */
function step(rung, number, x, y, now) {
  const sent = Date.parse(rung.sent_at);
  const over = rung.closed_at ? Date.parse(rung.closed_at) : rung.open ? now : sent;
  const at = Number(rung.limit_price ?? rung.avg_fill_price ?? 0);
  const made = [];
  if (!at) return made;
  const kind = rung.limit_price === null ? "market" : "limit";
  const [from, to] = [x(sent), Math.max(x(over), x(sent) + 6)];
  made.push(drawn("line", { class: `rung ${kind}${rung.open ? " open" : ""}`, x1: from, x2: to, y1: y(at), y2: y(at) }));
  made.push(drawn("text", { class: "number", x: from + 2, y: y(at) - 6, text: kind === "market" ? `${number} market` : String(number) }));
  if (Number(rung.filled_qty) > 0 && rung.avg_fill_price) {
    const place = { cx: to, cy: y(Number(rung.avg_fill_price)), r: 5, class: "fill" };
    made.push(drawn("circle", place, drawn("title", { text: `${shares(rung.filled_qty)} at ${price(rung.avg_fill_price)}` })));
  }
  return made;
}

/** Labels at the right edge, pushed apart. */
class Labels {
  constructor(picture, x) {
    this.picture = picture;
    this.x = x;
    this.all = [];
  }

  add(y, text, kind) {
    this.all.push({ y, text, kind });
  }

  draw() {
    let free = -Infinity;
    for (const { y, text, kind } of this.all.sort((a, b) => a.y - b.y)) {
      const at = Math.max(y + 4, free);
      this.picture.append(drawn("text", { class: `label ${kind}`, x: this.x, y: at, text }));
      free = at + 13;
    }
  }
}

function legend(beside) {
  const entries = [["spread", "bid to ask when each was sent"], ["limit", "our limits"], ["fill", "fills"], ...beside.map(([name]) => [name, name === "cap" ? "the cap" : "the signal's price"])];
  return el("figcaption", {}, entries.map(([kind, text]) => el("span", {}, el("span", { class: `key ${kind}` }), text)));
}

function told(order) {
  const last = order.rungs.at(-1);
  const fills = order.avg_fill_price ? `filled ${shares(order.filled_qty)} at ${price(order.avg_fill_price)}` : "nothing filled";
  return `${order.rungs.length} child orders over the quotes that they met, the last at ${last.limit_price ? price(last.limit_price) : "market"}; ${fills}. The table below has the figures.`;
}
