// Deletions of one page of the list. On narrow screens each row becomes a card.

import { h } from "../dom.js";
import { after, removed } from "../erasures.js";
import { count, dateTime } from "../format.js";
import { erasureBadge } from "./erasure-badge.js";

const STEPS = [["Key destroyed", "key_destroyed_at"], ["Out of the stores", "left_at"], ["Complete", "complete_at"], ["Proven", "proven_at"]];

export function erasureTable(erasures) {
  return h("table", { class: "table erasure-table" },
    h("caption", { class: "visually-hidden" }, "Deletions, the last first"),
    h("thead", null, h("tr", null, ["Document", "State", "Asked for", ...STEPS.map(([label]) => label), "Removed"].map((label) => h("th", { scope: "col" }, label)))),
    h("tbody", null, erasures.map(row)));
}

function row(erasure) {
  const { id, document_id: document, requested_at: asked, requested_by: by } = erasure;
  return h("tr", null,
    h("th", { scope: "row", class: "erasure-document" }, h("a", { class: "erasure-id", href: `/ui/deletions/${encodeURIComponent(id)}`, dataset: { key: `open ${id}` } }, document)),
    h("td", { dataset: { label: "State" } }, erasureBadge(erasure)),
    h("td", { dataset: { label: "Asked for" } }, h("time", { datetime: asked }, dateTime(asked)), h("span", { class: "fine erasure-by" }, `by ${by ?? "Assay itself"}`)),
    STEPS.map(([label, name]) => h("td", { dataset: { label } }, moment(asked, erasure[name]))),
    h("td", { dataset: { label: "Removed" } }, counts(erasure)));
}

const moment = (asked, at) => (at ? h("time", { datetime: at, title: dateTime(at) }, after(asked, at)) : h("span", { class: "muted" }, "–"));

function counts(erasure) {
  const found = removed(erasure);
  if (found.length === 0) return h("span", { class: "muted" }, "–");
  return h("ul", { class: "removed" }, found.map(({ short, n }) => h("li", null, h("span", { class: "removed-count" }, count(n)), ` ${short}`)));
}
