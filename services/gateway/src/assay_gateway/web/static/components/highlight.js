// A stretch of canonical text with one passage of it marked. Offsets are code points, as the API gives them.

import { indexer } from "../codepoints.js";
import { h } from "../dom.js";

/** `found` is the answer of GET …/versions/{v}/text. */
export function highlighted(found, { before = false, after = false } = {}) {
  const { text, start } = found;
  const at = indexer(text);
  const from = at((found.passage_start ?? start) - start);
  const to = at((found.passage_end ?? start) - start);
  const mark = to > from && h("mark", { tabindex: "-1" }, text.slice(from, to));
  return h("div", { class: "passage-text" },
    before && h("span", { class: "cut", "aria-hidden": "true" }, "… "),
    text.slice(0, from), mark, text.slice(to),
    after && h("span", { class: "cut", "aria-hidden": "true" }, " …"));
}
