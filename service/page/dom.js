// Making elements. Text of others is only ever set as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

export const STANCES = ["conciliatory", "hostile", "conditional", "none"];
export const TAKEN = STANCES.slice(0, 3);
export const NAMES = { conciliatory: "conciliatory", hostile: "hostile", conditional: "conditional", none: "no stance" };

export const byId = (id) => document.getElementById(id);

// An element with attributes, listeners (functions under "on...") and children (nodes or strings).
export function el(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(key.slice(2), value);
    else if (value === true) node.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// The outline of a stance's sign in a square of side 2r around (x, y): a disc, a triangle, a diamond, a ring.
export function shape(stance, x, y, r, attributes = {}) {
  const classes = `${stance} ${attributes.class ?? ""}`.trim();
  const rest = { ...attributes, class: classes };
  if (stance === "hostile") return svg("path", { d: `M${x} ${y - r}L${x + r} ${y + r * 0.8}H${x - r}Z`, ...rest });
  if (stance === "conditional") return svg("path", { d: `M${x} ${y - r}L${x + r} ${y}L${x} ${y + r}L${x - r} ${y}Z`, ...rest });
  return svg("circle", { cx: x, cy: y, r: stance === "none" ? r * 0.6 : r * 0.92, ...rest });
}

export function sign(stance) {
  return svg("svg", { class: "sign", viewBox: "0 0 12 12", "aria-hidden": "true", focusable: "false" }, shape(stance, 6, 6, 5));
}

export const plural = (n, one, many = `${one}s`) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
export const signed = (value) => (value > 0 ? "+" : value < 0 ? "−" : "") + Math.abs(value).toFixed(2);
export const percent = (value) => `${Math.round(value * 100)} %`;
