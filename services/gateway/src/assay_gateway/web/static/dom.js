// The only way this app makes elements. Text becomes text nodes; there is no path from a string to markup.

const SVG_NS = "http://www.w3.org/2000/svg";
const REFUSED = new Set(["style", "innerHTML", "outerHTML", "srcdoc", "src", "action", "formaction"]);
const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "open", "selected", "multiple", "required"]);

export function h(tag, props, ...children) {
  return assemble(document.createElement(tag), props, children);
}

export function svg(tag, props, ...children) {
  return assemble(document.createElementNS(SVG_NS, tag), props, children);
}

function assemble(node, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) setProp(node, name, value);
  append(node, children);
  return node;
}

function setProp(node, name, value) {
  if (value === undefined || value === null || value === false) return;
  if (REFUSED.has(name)) throw new Error(`${name} may not be set on <${node.localName}>`);
  if (name.startsWith("on")) {
    if (typeof value !== "function") throw new Error(`${name} needs a function`);
    node.addEventListener(name.slice(2).toLowerCase(), value);
  } else if (name === "href") {
    if (!value.startsWith("/")) throw new Error(`links stay on this origin, not ${value}`);
    node.setAttribute("href", value);
  } else if (name === "dataset") {
    Object.assign(node.dataset, value);
  } else if (PROPERTIES.has(name) && name in node) {
    node[name] = value;
  } else {
    node.setAttribute(name, value === true ? "" : String(value));
  }
}

export function append(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    node.append(child instanceof Node ? child : String(child));
  }
  return node;
}

export function replace(node, ...children) {
  node.replaceChildren();
  return append(node, children);
}

/** Draws the content of `node` anew; the focus stays where it was, told by `data-key`. */
export function redraw(node, ...children) {
  const { activeElement } = document;
  const key = node.contains(activeElement) ? activeElement.dataset.key : null;
  replace(node, ...children);
  if (key) node.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
}

/** Says something to a screen reader without moving focus. */
export function announce(text) {
  document.getElementById("status").textContent = text;
}

let serial = 0;

/** An id that no other element of the page has, to tie labels to what they name. */
export function uniqueId(prefix) {
  serial += 1;
  return `${prefix}-${serial}`;
}
