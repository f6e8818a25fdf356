// Evaluation runs, newest first, with their main figures.

import { h } from "../dom.js";
import { count, dateTime, score, words } from "../format.js";
import { ordered } from "../metrics.js";
import { stateBadge } from "./state-badge.js";

const MOST_METRICS = 6;

export function runTable(runs) {
  const metrics = ordered([...new Set(runs.flatMap((run) => Object.keys(run.metrics ?? {})))]).slice(0, MOST_METRICS);
  const newest = [...runs].sort((a, b) => new Date(b.started_at) - new Date(a.started_at));
  return h("div", { class: "table-scroll", tabindex: "0", role: "group", "aria-labelledby": "runs-heading" },
    h("table", { class: "table run-table" },
      h("thead", null, h("tr", null,
        ["Started", "State", "Collection", "Dataset", "Judge"].map((label) => h("th", { scope: "col" }, label)),
        ["Questions", "Failures", ...metrics.map(words)].map((label) => h("th", { scope: "col", class: "number" }, label)))),
      h("tbody", null, newest.map((run) => row(run, metrics)))));
}

function row(run, metrics) {
  return h("tr", null,
    h("th", { scope: "row" }, h("a", { href: `/ui/evaluations?${new URLSearchParams({ run: run.id })}` }, dateTime(run.started_at))),
    h("td", null, stateBadge(run.state)), h("td", null, run.collection), h("td", null, run.dataset), h("td", null, run.judge),
    h("td", { class: "number" }, count(run.questions)),
    h("td", { class: run.failures > 0 ? "number has-failures" : "number" }, count(run.failures)),
    metrics.map((metric) => h("td", { class: "number" }, score(run.metrics?.[metric]))));
}
