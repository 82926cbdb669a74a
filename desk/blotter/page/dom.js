// Elements, made and changed without ever writing markup: what a signal says can never become a part of the page.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes and children (elements or text). `class` and `text` are as they sound. */
export function el(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** The same for drawings. */
export function drawn(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") made.textContent = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

export const byId = (id) => document.getElementById(id);

/** Writes a text only where it is another one: what stays is not laid out anew. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Sets an attribute only where it is another one; null removes it. */
export function mark(element, name, value) {
  if (value === null || value === undefined || value === false) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
  } else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/** What stands above a list as long as it is empty. */
export function nothing(list, text) {
  const made = el("p", { class: "nothing", text });
  list.before(made);
  return made;
}

/**
 * Keeps the children of a list in step with rows, each under its key: what stays is kept, with its focus.
 * `make(row)` returns `{element, update(row)}`.
 */
export class Kept {
  constructor(list, make) {
    this.list = list;
    this.make = make;
    this.known = new Map();
  }

  show(rows, keyOf) {
    const wanted = new Set();
    let place = this.list.firstElementChild;
    for (const row of rows) {
      const key = keyOf(row);
      wanted.add(key);
      let part = this.known.get(key);
      if (!part) {
        part = this.make(row);
        this.known.set(key, part);
      }
      if (part.row !== row) {
        part.update(row);
        part.row = row;
      }
      if (part.element === place) place = place.nextElementSibling;
      else this.list.insertBefore(part.element, place);
    }
    for (const [key, part] of this.known) {
      if (wanted.has(key)) continue;
      part.element.remove();
      this.known.delete(key);
    }
  }
}
