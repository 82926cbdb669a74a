// The stream of what changes, the tables it makes, and requests with the key.

const KEY = "repeg-key";
const QUIET_MS = 13_000;

/** The key of this run, out of the address (which then forgets it) or of this tab. */
export function key() {
  const given = new URLSearchParams(location.hash.slice(1)).get("key");
  if (given) {
    sessionStorage.setItem(KEY, given);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem(KEY);
}

/** Tables by name, each a Map of rows by id; `listen` hears which rows of which tables changed, once a frame at most. */
export class Feed {
  constructor(shownKey, listen) {
    this.key = shownKey;
    this.listen = listen;
    this.tables = new Map();
    this.about = {};
    this.changed = new Map();
    this.whole = false;
    this.state = "waiting";
    this.heard = 0;
    this.offset = 0;
    this.speed = 1;
    setInterval(() => this.watch(), 1000);
  }

  open() {
    const source = new EventSource(`/api/events?key=${encodeURIComponent(this.key)}`);
    source.addEventListener("whole", (event) => this.take(JSON.parse(event.data), true));
    source.addEventListener("diff", (event) => this.take(JSON.parse(event.data), false));
    source.addEventListener("beat", (event) => this.take(JSON.parse(event.data), false));
    source.addEventListener("error", () => this.failed(source));
  }

  /** Market time now. */
  now() {
    return this.market + (performance.now() - this.heard) * this.speed;
  }

  rows(name) {
    return this.tables.get(name) ?? new Map();
  }

  take(data, whole) {
    this.heard = performance.now();
    this.market = Date.parse(data.market);
    this.speed = data.speed;
    if (whole) {
      this.about = data.about;
      this.tables.clear();
      this.whole = true;
    }
    for (const [name, change] of Object.entries(data.tables ?? {})) this.apply(name, whole ? { put: change } : change);
    this.set("live");
    this.soon();
  }

  apply(name, { put = {}, drop = [] }) {
    const table = this.tables.get(name) ?? new Map();
    this.tables.set(name, table);
    const changed = this.changed.get(name) ?? new Set();
    this.changed.set(name, changed);
    for (const id of drop) {
      table.delete(id);
      changed.add(id);
    }
    for (const [id, row] of Object.entries(put)) {
      table.set(id, row);
      changed.add(id);
    }
  }

  soon() {
    if (this.waits) return;
    this.waits = true;
    requestAnimationFrame(() => {
      this.waits = false;
      const { changed, whole } = this;
      this.changed = new Map();
      this.whole = false;
      this.listen(changed, whole);
    });
  }

  watch() {
    if (this.state === "live" && performance.now() - this.heard > QUIET_MS) this.set("late");
  }

  async failed(source) {
    this.set("lost");
    if (source.readyState !== EventSource.CLOSED) return;
    const answer = await this.ask("GET", "/api/orders/-").catch(() => null);
    if (answer?.status === 401) this.set("old");
    else setTimeout(() => this.open(), 3000);
  }

  set(state) {
    if (this.state === state) return;
    this.state = state;
    this.soon();
  }

  /** An answer of the server; `body` is sent as JSON. */
  ask(method, path, body) {
    const headers = { "X-Repeg-Key": this.key };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    return fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  }

  /** What was asked for came about; or an error with the server's words. */
  async act(path, body) {
    const answer = await this.ask("POST", path, body).catch(() => {
      throw new Error("the blotter does not answer, and it may have been done all the same; asked for again it counts once. Is repeg blotter still running?");
    });
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
  }
}
