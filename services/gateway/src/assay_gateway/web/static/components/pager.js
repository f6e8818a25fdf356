// Going through the pages of a listing by its cursors.

import { h } from "../dom.js";
import { count } from "../format.js";
import { icon } from "./icons.js";

/**
 * `cursors` are those of the pages up to the one shown, the first of them null; `turnTo` gets those up to the next or
 * the previous one. Null where there is one page only.
 */
export function pager({ label, cursors, shown, pageSize, next, turnTo }) {
  const number = cursors.length;
  if (number === 1 && !next) return null;
  const first = (number - 1) * pageSize + 1;
  return h("nav", { class: "pager", "aria-label": label },
    h("button", { type: "button", class: "button", disabled: number === 1, dataset: { key: "previous page" }, onclick: () => turnTo(cursors.slice(0, -1)) }, icon("left"), "Previous"),
    h("span", null, `${count(first)} to ${count(first + shown - 1)}`),
    h("button", { type: "button", class: "button", disabled: !next, dataset: { key: "next page" }, onclick: () => turnTo([...cursors, next]) }, "Next", icon("right")));
}
