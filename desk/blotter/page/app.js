// The page: what changed is handed to the part that shows it.

import { Alerts } from "./alerts.js";
import { Alarms, Figures, Positions, Rebalances } from "./around.js";
import { Control } from "./control.js";
import { Detail } from "./detail.js";
import { byId, el, mark, say } from "./dom.js";
import { Feed, key } from "./feed.js";
import { Moves } from "./moves.js";
import { Orders, count } from "./orders.js";
import { clock, day, named, price, shares, weekday, words } from "./words.js";

const LINKS = { waiting: "connecting", live: "live", late: "no news", lost: "reconnecting", old: "ended" };

const shownKey = key();
const feed = new Feed(shownKey, show);
const control = new Control(feed);
const moves = new Moves(feed, control);
const move = (bracket) => moves.ask(bracket);
const detail = new Detail(feed, control, move);
const open = (id) => detail.open(id);
const atWork = new Orders(byId("at-work"), true, "Orders at work", open);
const over = new Orders(byId("over"), false, "Orders that are over", open);
const figures = new Figures();
const positions = new Positions(open, move);
const rebalances = new Rebalances(open, (what, signal) => control.askCancel(what, signal));
const alerts = new Alerts(open, control);
const alarms = new Alarms();

function show(changed, whole) {
  const has = (...names) => whole || names.some((name) => changed.has(name));
  const now = feed.now();
  link();
  tick();
  if (whole) about();
  if (has("orders")) orders(changed.get("orders") ?? new Set(), whole, now);
  if (!whole && changed.has("quotes")) atWork.quote(changed.get("quotes"), feed.rows("quotes"));
  if (has("account", "positions", "figures", "realised")) {
    const account = feed.rows("account").get("account");
    figures.show(account, feed.rows("positions"), feed.rows("figures"), feed.rows("realised").get("today"));
    if (account) mode(account);
  }
  if (has("positions")) positions.show(feed.rows("positions"));
  if (has("rebalances")) rebalances.show(feed.rows("rebalances"));
  if (has("alerts")) alerts.show(feed.rows("alerts"));
  if (has("alarms")) alarms.show(feed.rows("alarms"), now);
  if (has("halts", "intake", "trouble", "unreadable")) {
    control.show(feed.rows("halts"), feed.rows("intake").get("intake"), feed.rows("trouble"), feed.rows("unreadable"), Date.now());
  }
  title();
}

function orders(changed, whole, now) {
  const rows = feed.rows("orders");
  if (!whole) tell([...changed].map((id) => rows.get(id)).filter(Boolean));
  const aboutNow = { now: () => feed.now(), speed: feed.speed, today: day(now) };
  for (const table of [atWork, over]) table.show(rows, whole ? null : changed, feed.rows("quotes"), aboutNow);
  find();
  detail.changed(changed);
}

function find() {
  const text = byId("find").value;
  count("at-work-count", atWork.lines.size, atWork.find(text));
  count("over-count", over.lines.size, over.find(text));
}

/** What is over is told to those who listen, once; many at a time as a number. */
const told = new Set();
function tell(rows) {
  const ended = rows.filter((row) => !row.live && !told.has(row.order_id));
  for (const row of ended) told.add(row.order_id);
  if (!ended.length) return;
  const sentence = (row) => `${named(row)} ${words(row.status)}${row.avg_fill_price ? ` at ${price(row.avg_fill_price)}` : ""}`;
  say(byId("news"), ended.length > 3 ? `${shares(ended.length)} orders are over` : ended.map(sentence).join("; "));
}

function about() {
  const { stack, where } = feed.about;
  say(byId("stack"), stack);
  say(byId("place"), where);
  for (const [id, row] of feed.rows("orders")) if (!row.live) told.add(id);
}

function mode(account) {
  const badge = byId("mode");
  badge.hidden = false;
  say(badge, account.mode === "live" ? "LIVE" : account.mode);
  mark(badge, "data-stands", account.mode === "live" ? "bad" : "none");
  say(byId("session"), `${weekday(feed.now())} · ${account.blocked ? "trading is blocked" : account.open ? "session open" : "market closed"}`);
}

/** From the first that is shown: a page that is live has a time. */
function tick() {
  if (feed.market) say(byId("clock"), clock(feed.now()));
}

function link() {
  mark(byId("link"), "data-state", feed.state);
  say(byId("link-words"), LINKS[feed.state]);
  if (feed.state === "old") ended("This run of repeg blotter has ended. Open the address that the new one printed.");
}

function title() {
  const halted = document.documentElement.dataset.halted;
  const rings = [...feed.rows("alarms").values()].filter((row) => row.state === "ALARM").length;
  const open = feed.rows("alerts").size;
  document.title = [halted?.toUpperCase(), open ? `${open} ${open === 1 ? "alert" : "alerts"}` : null, rings ? `${rings} ring` : null, `${atWork.lines.size} at work`, `repeg ${feed.about.stack ?? ""}`].filter(Boolean).join(" · ");
}

function ended(text) {
  byId("main").replaceChildren(el("p", { class: "ended", role: "alert", text }));
}

byId("find").addEventListener("input", find);
document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    byId("find").focus();
  }
});
setInterval(tick, 250);

if (shownKey) feed.open();
else {
  mark(byId("link"), "data-state", "old");
  say(byId("link-words"), "no key");
  ended("Open the address that repeg blotter printed in the terminal: it carries the key to this page.");
}
