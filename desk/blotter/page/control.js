// The kill switch: what is halted, and the questions before anything is changed.

import { Closings } from "./closings.js";
import { byId, el, mark, say } from "./dom.js";
import { since } from "./words.js";

/** What is being asked, as long as nothing else is. */
class Question {
  constructor(control) {
    this.control = control;
  }

  get open() {
    return this.control.dialog.open && this.control.question === this;
  }
}

export class Control {
  constructor(feed) {
    this.feed = feed;
    this.closings = new Closings(feed, this);
    this.dialog = byId("ask");
    byId("halt").addEventListener("click", () => this.askHalt());
    document.addEventListener("keydown", (event) => {
      if (event.key === "F8" && !this.dialog.open) {
        event.preventDefault();
        this.askHalt();
      }
    });
    this.dialog.addEventListener("close", () => (this.back?.isConnected && !this.back.hidden ? this.back : byId("halt")).focus());
  }

  /** Banners of what is halted, of intake, and of what cannot be read. */
  show(halts, intake, troubles, unreadable, now) {
    const rows = [...halts.values()].sort((a, b) => a.number - b.number);
    const made = rows.map((halt) => banner(halt.mode === "halted" ? "bad" : "some", [
      el("strong", { text: halt.says.split(":")[0] }),
      el("span", { text: halt.mode === "halted" ? "Only exits are sent." : "Only what reduces a position is sent." }),
      halt.reason ? el("q", { text: halt.reason }) : null,
      halt.since ? el("span", { class: "when", text: `since ${since(halt.since, now)}` }) : null,
      el("button", { type: "button", onclick: () => this.closings.ask(halt) }, halt.of ? `Close all of ${halt.of}…` : "Close all…"),
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
    const cancelOpen = el("input", { id: "cancel_open", type: "checkbox", name: "cancel_open" });
    const flatten = el("input", { id: "flatten", type: "checkbox", name: "flatten" });
    const note = el("p", { id: "reason-note", class: "quiet" });
    const confirm = el("button", { type: "submit", class: "danger", text: "Halt the account" });
    const form = el("form", { method: "dialog" },
      el("fieldset", {}, el("legend", { text: "Whose orders" }), scope("account", "The whole account", true), scope("strategy", "One strategy"), scope("symbol", "One symbol")),
      ofLine,
      el("fieldset", {}, el("legend", { text: "What is still sent" }), radio("mode", "halted", "Only exits", true), radio("mode", "reducing", "Only what reduces a position")),
      el("p", { class: "field check" }, cancelOpen, el("label", { for: "cancel_open", text: "Take entries out of the market, too" })),
      el("p", { class: "field check" }, flatten, el("label", { for: "flatten", text: "Then close all that is held; what would be sold is shown first" })),
      el("p", { class: "field" }, el("label", { for: "reason", text: "Reason" }), reason),
      note,
    );
    const retitle = () => {
      const { scope: whose, mode } = Object.fromEntries(new FormData(form));
      ofLine.hidden = whose === "account";
      of.required = whose !== "account";
      // What rests on would be filled behind the close.
      cancelOpen.disabled = flatten.checked;
      if (flatten.checked) cancelOpen.checked = true;
      say(note, `Orders and mails say it. ${flatten.checked ? "Nothing is sold before you have seen it, and said so." : "Exits, stops and targets stay as they are."}`);
      const about = whose === "account" ? "the account" : `${whose} ${of.value}`.trim();
      confirm.textContent = mode === "halted" ? `Halt ${about}` : `Reduce only: ${about}`;
    };
    form.addEventListener("input", retitle);
    retitle();
    const act = () => {
      const given = Object.fromEntries(new FormData(form));
      const body = { scope: given.scope, mode: given.mode, reason: given.reason, cancel_open: cancelOpen.checked, flatten: flatten.checked };
      if (given.scope !== "account") body.of = given.of;
      return this.feed.act("/api/halt", body);
    };
    const then = (done) => flatten.checked && this.closings.ask(done);
    this.ask({ title: "Halt trading", form, confirm, act, first: reason, then });
  }

  askResume(halt) {
    const about = halt?.about ?? "the account";
    const form = el("form", { method: "dialog" },
      halt ? el("p", { text: `${halt.says}.` }) : el("p", { text: "Signals wait in the queue." }),
      el("p", { text: halt?.of ? "Its orders are sent again." : "Orders are sent again, and signals are taken." }));
    const confirm = el("button", { type: "submit", class: "primary", text: `Resume ${about}` });
    // What is lifted is what stands here: a trip may have halted for something else since.
    const seen = halt ? [{ mode: halt.mode, reason: halt.reason, since: halt.since }] : [];
    const act = () => this.feed.act("/api/resume", { scope: halt?.scope ?? "account", ...(halt?.of ? { of: halt.of } : {}), seen });
    this.ask({ title: "Resume trading", form, confirm, act });
  }

  /** `what` in words, by its signal. */
  askCancel(what, signal) {
    const form = el("form", { method: "dialog" },
      el("p", { text: `No more of it is sent, and what rests in the market is cancelled. What was bought stays; a bracket's shares are protected.` }),
      el("p", { class: "quiet", text: `Signal ${signal}` }));
    const confirm = el("button", { type: "submit", class: "danger", text: `Cancel ${what}` });
    this.ask({ title: `Cancel ${what}?`, form, confirm, act: () => this.feed.act("/api/cancel", { signal_id: signal }) });
  }

  /**
   * A question; closed once `act` came about, else with its trouble in words. `then(done)` may ask the next one; with
   * `done`, a title, the answer stays to be read. `calm`: Enter confirms nothing before the button is gone to.
   * Returns an object whose `open` says whether it is still asked.
   */
  ask({ title, form, confirm, act, first, then, done, calm, back }) {
    // A question that follows on another leads back to where that one came from.
    if (!this.dialog.open) this.back = document.activeElement;
    if (back) this.back = back;
    const asked = new Question(this);
    this.question = asked;
    const trouble = el("p", { class: "trouble", role: "alert" });
    const leave = el("button", { type: "button", onclick: () => this.dialog.close(), text: "Leave it" });
    const { stack, where } = this.feed.about;
    const heading = el("h2", { id: "ask-title", tabindex: -1, text: title });
    form.append(trouble, el("p", { class: "buttons" }, leave, confirm));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (confirm.disabled) return;
      confirm.disabled = true;
      form.setAttribute("aria-busy", "true");
      trouble.textContent = "";
      try {
        const answer = await act();
        const told = answer.said + (answer.untold ? `; nobody was mailed: ${answer.untold}` : "");
        byId("news").textContent = told;
        // Whoever closed it meanwhile may be asked something else by now.
        if (!asked.open) return;
        if (done) this.answered(done, told);
        else if (!then?.(answer)) this.dialog.close();
      } catch (error) {
        if (asked.open) trouble.textContent = error.message;
        else byId("news").textContent = `${title}: ${error.message}`;
      } finally {
        confirm.disabled = false;
        form.removeAttribute("aria-busy");
      }
    });
    this.dialog.replaceChildren(heading, el("p", { class: "quiet", text: `Stack ${stack ?? "?"}, ${where ?? "?"}` }), form);
    if (!this.dialog.open) this.dialog.showModal();
    (calm ? heading : first ?? confirm).focus();
    return asked;
  }

  answered(title, told) {
    const close = el("button", { type: "button", class: "primary", onclick: () => this.dialog.close(), text: "Close" });
    this.dialog.replaceChildren(el("h2", { id: "ask-title", text: title }), el("p", { class: "answer", text: told }), el("p", { class: "buttons" }, close));
    close.focus();
  }
}

function radio(name, value, text, checked = false) {
  const id = `${name}-${value}`;
  return el("p", { class: "field check" }, el("input", { type: "radio", id, name, value, checked }), el("label", { for: id, text }));
}

function banner(kind, parts) {
  return el("div", { class: "banner", "data-stands": kind }, parts);
}
