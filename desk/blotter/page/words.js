// Figures and times as people read them; all times are New York's.

const CLOCK = new Intl.DateTimeFormat("en-GB", { timeZone: "America/New_York", hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { timeZone: "America/New_York", day: "2-digit", month: "short" });
const WEEKDAY = new Intl.DateTimeFormat("en-GB", { timeZone: "America/New_York", weekday: "short", day: "2-digit", month: "short" });
const SIGNED = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD", signDisplay: "exceptZero" });
const WHOLE = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD", maximumFractionDigits: 0 });

export const clock = (at) => (at ? CLOCK.format(new Date(at)) : "");
export const day = (at) => DAY.format(new Date(at));
export const weekday = (at) => WEEKDAY.format(new Date(at));
export const tenth = (at) => (at ? `${clock(at)}.${Math.floor(new Date(at).getMilliseconds() / 100)}` : "");

const dollars = (format, value) => (value === null ? "—" : format.format(value).replace("-", "−"));
export const signed = (value) => dollars(SIGNED, value);
export const whole = (value) => dollars(WHOLE, value);

/** Dollars of a share: two decimals, up to four where they carry something. */
export function price(value) {
  return value === null || value === undefined ? "" : Number(value).toFixed(4).replace(/0{1,2}$/, "");
}

/** With its sign, unless that would stand before a zero. */
export function plus(value, digits) {
  const text = Math.abs(value).toFixed(digits);
  return `${Number(text) === 0 ? "" : value > 0 ? "+" : "−"}${text}`;
}

export const shares = (value) => (value === null || value === undefined ? "" : String(Math.floor(Number(value) * 1e4) / 1e4));
export const bps = (value) => (value === null || value === undefined ? "" : plus(Number(value), 1));
export const percent = (fraction) => `${(Number(fraction) * 100).toFixed(1)} %`;
export const words = (name) => (name ?? "").replaceAll("_", " ");

/** Since when, as short as it can be said: today's time, or the day besides. */
export function since(at, now) {
  return day(at) === day(now) ? clock(at) : `${day(at)} ${clock(at)}`;
}

const NEVER_FILLED = new Set(["adjust", "cancel"]);

/** Filled shares, and of how many. */
export function filled(order) {
  const asked = order.requested_qty;
  if (NEVER_FILLED.has(order.kind)) return "";
  return asked === null || asked === order.filled_qty ? shares(order.filled_qty) : `${shares(order.filled_qty)} / ${shares(asked)}`;
}

/** What a person would say of an order: what it is to do. */
export function named(order) {
  return [order.side ?? order.kind, shares(order.requested_qty), order.symbol ?? (order.about && `of ${order.about}`)].filter(Boolean).join(" ");
}

/** How an order stands, by what it is shown as. */
export function stands(order) {
  if (order.status === "filled") return "good";
  if (order.status === "failed" || order.status === "unwound") return "bad";
  if (order.live) return order.status === "working" ? "busy" : "waits";
  return order.status === "partially_filled" ? "some" : "none";
}
