// Moving a bracket's stop or target: what it is now, what it is to be, and what the stack answers.

import { el } from "./dom.js";
import { price, shares } from "./words.js";

export class Moves {
  constructor(feed, control) {
    this.feed = feed;
    this.control = control;
  }

  /** `bracket`: signal_id, symbol, side, qty (held), stop, target, mark; null where it is not known. */
  ask(bracket) {
    const stop = level("stop", "Stop", bracket.stop);
    const target = level("target", "Target", bracket.target);
    const confirm = el("button", { type: "submit", class: "danger" });
    const form = el("form", { method: "dialog" },
      el("p", { text: standing(bracket) }),
      el("div", { class: "two" }, stop.line, target.line),
      check("force", bracket.side === "sell" ? "Even if the market has passed it: it is bought back then" : "Even if the market has passed it: it is sold then"),
      check("next_open", "With the market closed: wait for the open"),
      el("p", { class: "quiet", text: `What is refused leaves the old levels in place. Signal ${bracket.signal_id}` }),
    );
    let attempt = crypto.randomUUID();
    const retitle = () => {
      const moved = [stop, target].filter((each) => each.moved);
      confirm.disabled = moved.length === 0;
      confirm.textContent = moved.length ? `Move ${moved.map((each) => `${each.name} to ${each.value}`).join(" and ")}` : "Nothing is moved yet";
    };
    form.addEventListener("input", retitle);
    const act = async () => {
      const given = new FormData(form);
      const body = { signal_id: bracket.signal_id, attempt, force: given.has("force"), next_open: given.has("next_open") };
      for (const each of [stop, target]) if (each.moved) body[each.name] = each.value;
      const answer = await this.feed.act("/api/adjust", body);
      if (answer.done) return answer;
      // A refusal is the end of this signal; without an answer the next click asks for the same one.
      if (answer.over) attempt = crypto.randomUUID();
      throw new Error(answer.said);
    };
    this.control.ask({ title: `Move exits of ${bracket.symbol}`, form, confirm, act, first: stop.field, done: "Moved" });
    retitle();
  }
}

/** A field for a level, which is moved once it says another number than it did. */
function level(name, text, was) {
  const field = el("input", { id: `move-${name}`, name, type: "text", inputmode: "decimal", autocomplete: "off", spellcheck: "false", maxlength: 20, value: was === null ? "" : price(was), "aria-describedby": `move-${name}-was` });
  const note = el("span", { id: `move-${name}-was`, class: "quiet", text: was === null ? "set by the fill" : `now ${price(was)}` });
  return {
    name,
    field,
    line: el("p", { class: "field" }, el("label", { for: field.id, text }), field, note),
    get value() {
      return field.value.trim();
    },
    get moved() {
      return this.value !== "" && Number(this.value) !== Number(was ?? Number.NaN);
    },
  };
}

function standing({ symbol, side, qty, mark }) {
  const held = Number(qty) ? `${shares(qty)} ${symbol} are held ${side === "sell" ? "short" : "long"}` : `Nothing of ${symbol} is bought yet: the levels hold for what will be`;
  return mark === null || mark === undefined ? `${held}.` : `${held}, the market is at ${price(mark)}.`;
}

function check(name, text) {
  const id = `move-${name}`;
  return el("p", { class: "field check" }, el("input", { type: "checkbox", id, name }), el("label", { for: id, text }));
}
