// Makes elements. Everything a person typed enters as a text node: nothing here reads HTML.

const SVG = "http://www.w3.org/2000/svg";

/** An element; `props` are attributes, besides `class`, `on` (listeners), `data` and `vars` (CSS custom properties). */
export function h(tag, props = null, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** An SVG element, made as `h` makes HTML. */
export function svg(tag, props = null, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.setAttribute("class", value);
    else if (name === "on") for (const [kind, act] of Object.entries(value)) element.addEventListener(kind, act);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "vars") for (const [key, one] of Object.entries(value)) element.style.setProperty(key, one);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  add(element, children);
  return element;
}

/** Appends nodes and texts; lists are flattened, nothing (null, undefined, false) is left out. */
export function add(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}

/** Replaces everything in the element. */
export function put(element, ...children) {
  element.replaceChildren();
  return add(element, children);
}

/** What a person typed: its direction is its own, and bidi controls in it cannot reach what stands beside it. */
export function said(text, className = "said") {
  return h("bdi", { class: className, dir: "auto" }, text);
}

/** Names from outside (speakers, conversations): isolated as `said` is, and broken where they are long. */
export function named(text) {
  return h("bdi", { class: "named", dir: "auto" }, text);
}
