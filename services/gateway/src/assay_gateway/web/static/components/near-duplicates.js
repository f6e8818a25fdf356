// Other documents that say nearly the same as this one.

import { h } from "../dom.js";
import { percent } from "../format.js";
import { card } from "./card.js";

export function nearDuplicatesCard(twins) {
  return card({ title: "Near-duplicates", value: twins, show: () => [
    h("p", { class: "fine" }, "Documents that say nearly the same as its newest version."),
    h("ul", { class: "twins" }, twins.map(({ document_id: id, name, similarity }) => h("li", null,
      h("a", { href: `/ui/documents/${encodeURIComponent(id)}` }, name), h("span", { class: "fine" }, `${percent(similarity)} alike`)))),
  ] });
}
