// The kill switch: what is halted, and the questions before anything is changed.

import { byId, el, mark } from "./dom.js";
import { since } from "./words.js";

export class Control {
  constructor(feed) {
    this.feed = feed;
    this.dialog = byId("ask");
    byId("halt").addEventListener("click", () => this.askHalt());
    document.addEventListener("keydown", (event) => {
      if (event.key === "F8" && !this.dialog.open) {
        event.preventDefault();
        this.askHalt();
      }
    });
    this.dialog.addEventListener("close", () => this.back?.focus?.());
  }

  /** Banners of what is halted, of intake, and of what cannot be read. */
  show(halts, intake, troubles, unreadable, now) {
    const rows = [...halts.values()].sort((a, b) => a.number - b.number);
    const made = rows.map((halt) => banner(halt.mode === "halted" ? "bad" : "some", [
      el("strong", { text: halt.says.split(":")[0] }),
      el("span", { text: halt.mode === "halted" ? "Only exits are sent." : "Only what reduces a position is sent." }),
      halt.reason ? el("q", { text: halt.reason }) : null,
      halt.since ? el("span", { class: "when", text: `since ${since(halt.since, now)}` }) : null,
      el("button", { type: "button", onclick: () => this.askResume(halt) }, halt.of ? `Resume ${halt.of}…` : "Resume…"),
    ]));
    if (intake?.paused) {
      made.push(banner("some", [
        el("strong", { text: "signals are not taken" }),
        el("span", { text: intake.waiting ? `${intake.waiting} wait in the queue.` : "None waits in the queue." }),
        intake.since ? el("span", { class: "when", text: `since ${since(intake.since, now)}` }) : null,
        rows.some((halt) => !halt.of) ? null : el("button", { type: "button", onclick: () => this.askResume(null) }, "Resume…"),
      ]));
    }
    for (const trouble of troubles.values()) {
      made.push(banner("some", [el("strong", { text: `${trouble.source} cannot be read` }), el("span", { text: trouble.says }), el("span", { class: "when", text: `since ${since(trouble.since, now)}; what is shown is of before` })]));
    }
    if (unreadable.size) {
      const [first] = unreadable.values();
      made.push(banner("some", [el("strong", { text: unreadable.size === 1 ? `${first.id} cannot be read` : `${unreadable.size} records cannot be read` }), el("span", { text: first.says })]));
    }
    const place = byId("banners");
    const signature = made.map((each) => each.textContent).join("\n");
    if (this.signature === signature) return;
    this.signature = signature;
    const held = place.contains(document.activeElement);
    place.replaceChildren(...made);
    if (held) (place.querySelector("button") ?? byId("halt")).focus();
    const account = rows.find((halt) => !halt.of);
    mark(document.documentElement, "data-halted", account ? account.mode : null);
  }

  askHalt() {
    const scope = (value, text, checked) => radio("scope", value, text, checked);
    const of = el("input", { id: "of", name: "of", type: "text", autocomplete: "off", spellcheck: "false", maxlength: 64 });
    const ofLine = el("p", { class: "field", hidden: true }, el("label", { for: "of" }, "Which?"), of);
    const reason = el("input", { id: "reason", name: "reason", type: "text", required: true, maxlength: 200, autocomplete: "off", "aria-describedby": "reason-note" });
    const confirm = el("button", { type: "submit", class: "danger", text: "Halt the account" });
    const form = el("form", { method: "dialog" },
      el("fieldset", {}, el("legend", { text: "Whose orders" }), scope("account", "The whole account", true), scope("strategy", "One strategy"), scope("symbol", "One symbol")),
      ofLine,
      el("fieldset", {}, el("legend", { text: "What is still sent" }), radio("mode", "halted", "Only exits", true), radio("mode", "reducing", "Only what reduces a position")),
      el("p", { class: "field check" }, el("input", { id: "cancel_open", type: "checkbox", name: "cancel_open" }), el("label", { for: "cancel_open", text: "Take entries out of the market, too" })),
      el("p", { class: "field" }, el("label", { for: "reason", text: "Reason" }), reason),
      el("p", { id: "reason-note", class: "quiet", text: "Orders and mails say it. Exits, stops and targets stay as they are." }),
    );
    const retitle = () => {
      const { scope: whose, mode } = Object.fromEntries(new FormData(form));
      ofLine.hidden = whose === "account";
      of.required = whose !== "account";
      const about = whose === "account" ? "the account" : `${whose} ${of.value}`.trim();
      confirm.textContent = mode === "halted" ? `Halt ${about}` : `Reduce only: ${about}`;
    };
    form.addEventListener("input", retitle);
    this.ask("Halt trading", form, confirm, async () => {
      const given = Object.fromEntries(new FormData(form));
      const body = { scope: given.scope, mode: given.mode, reason: given.reason, cancel_open: given.cancel_open === "on" };
      if (given.scope !== "account") body.of = given.of;
      return this.feed.act("/api/halt", body);
    }, reason);
  }

  askResume(halt) {
    const about = halt?.about ?? "the account";
    const form = el("form", { method: "dialog" },
      halt ? el("p", { text: `${halt.says}.` }) : el("p", { text: "Signals wait in the queue." }),
      el("p", { text: halt?.of ? "Its orders are sent again." : "Orders are sent again, and signals are taken." }));
    const confirm = el("button", { type: "submit", class: "primary", text: `Resume ${about}` });
    this.ask("Resume trading", form, confirm, () => this.feed.act("/api/resume", { scope: halt?.scope ?? "account", ...(halt?.of ? { of: halt.of } : {}) }));
  }

  /** `what` in words, by its signal. */
  askCancel(what, signal) {
    const form = el("form", { method: "dialog" },
      el("p", { text: `No more of it is sent, and what rests in the market is cancelled. What was bought stays; a bracket's shares are protected.` }),
      el("p", { class: "quiet", text: `Signal ${signal}` }));
    const confirm = el("button", { type: "submit", class: "danger", text: `Cancel ${what}` });
    this.ask(`Cancel ${what}?`, form, confirm, () => this.feed.act("/api/cancel", { signal_id: signal }));
  }

  /** A question; closed once `act` came about, else with its trouble in words. */
  ask(title, form, confirm, act, first) {
    this.back = document.activeElement;
    const trouble = el("p", { class: "trouble", role: "alert" });
    const cancel = el("button", { type: "button", onclick: () => this.dialog.close(), text: "Leave it" });
    const { stack, where } = this.feed.about;
    form.append(trouble, el("p", { class: "buttons" }, cancel, confirm));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      confirm.disabled = true;
      trouble.textContent = "";
      try {
        const done = await act();
        this.dialog.close();
        byId("news").textContent = done.said + (done.untold ? `; nobody was mailed: ${done.untold}` : "");
      } catch (error) {
        trouble.textContent = error.message;
      } finally {
        confirm.disabled = false;
      }
    });
    this.dialog.replaceChildren(el("h2", { id: "ask-title", text: title }), el("p", { class: "quiet", text: `Stack ${stack ?? "?"}, ${where ?? "?"}` }), form);
    this.dialog.showModal();
    (first ?? confirm).focus();
  }
}

function radio(name, value, text, checked = false) {
  const id = `${name}-${value}`;
  return el("p", { class: "field check" }, el("input", { type: "radio", id, name, value, checked }), el("label", { for: id, text }));
}

function banner(kind, parts) {
  return el("div", { class: "banner", "data-stands": kind }, parts);
}
