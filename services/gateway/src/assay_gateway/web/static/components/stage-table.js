// How every stage of a search ranked and scored each hit, side by side.

import { h } from "../dom.js";
import { score, words } from "../format.js";

export function stageTable(hits) {
  const stages = [...new Set(hits.flatMap((hit) => (hit.stages ?? []).map(({ stage }) => stage)))];
  if (stages.length === 0) return null;
  const rows = hits.map((hit) => h("tr", null,
    h("td", { class: "number" }, hit.rank),
    h("th", { scope: "row", class: "clip-cell" }, h("span", { class: "clip", title: hit.document_name }, hit.document_name)),
    stages.map((stage) => stageCell(hit.stages?.find((seen) => seen.stage === stage)))));
  return h("section", { class: "stages", "aria-labelledby": "stages-heading" },
    h("h2", { id: "stages-heading", class: "small-heading" }, "Ranks and scores by stage"),
    h("div", { class: "table-scroll", tabindex: "0", role: "group", "aria-labelledby": "stages-heading" },
      h("table", { class: "table" },
        h("thead", null, h("tr", null, h("th", { scope: "col", class: "number" }, "Rank"), h("th", { scope: "col" }, "Document"),
          stages.map((stage) => h("th", { scope: "col", class: "number" }, words(stage))))),
        h("tbody", null, rows))));
}

function stageCell(seen) {
  if (!seen) return h("td", { class: "number muted" }, h("span", { title: "Not among this stage’s results" }, "–"));
  return h("td", { class: "number" }, h("strong", null, `#${seen.rank}`), " ", h("span", { class: "fine" }, score(seen.score)));
}
