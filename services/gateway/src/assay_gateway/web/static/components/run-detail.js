// One evaluation run: its figures with intervals, its configuration, and the scores of every question.

import { api } from "../api.js";
import { announce, h, replace, svg } from "../dom.js";
import { count, dateTime, score, words } from "../format.js";
import { ordered } from "../metrics.js";
import { may } from "../session.js";
import { field, formDialog } from "./dialog.js";
import { icon } from "./icons.js";
import { runSlices } from "./run-slices.js";
import { stateBadge } from "./state-badge.js";
import { empty } from "./states.js";

const PAGE_SIZE = 50;
const LOW = 0.5;

export function runDetail(run) {
  return h("div", null,
    h("div", { class: "page-head" }, h("h1", null, `Run of ${dateTime(run.started_at)}`), h("div", { class: "page-tools" }, stateBadge(run.state), run.state === "done" && links(run))),
    run.error && h("div", { class: "state state-failure", role: "alert" }, h("p", { class: "state-title" }, icon("warning"), "The run did not finish"), h("p", null, run.error)),
    h("dl", { class: "facts facts-wide" },
      fact("Collection", run.collection), fact("Dataset", run.dataset), fact("Judge", run.judge),
      fact("Questions", count(run.questions)), fact("Failures", count(run.failures)), fact("Finished", dateTime(run.finished_at))),
    figures(run), configuration(run), runSlices(run), questionScores(run.scores ?? []));
}

function links({ id, answers }) {
  return [
    may("evaluator") && Object.keys(answers ?? {}).length > 0 && h("a", { class: "button", href: `/ui/evaluations/worst?${new URLSearchParams({ run: id })}` }, "Worst answers"),
    h("a", { class: "button", href: `/ui/evaluations/compare?${new URLSearchParams({ run: id })}` }, "Compare"),
    may("evaluator") && h("button", { type: "button", class: "button", onclick: () => nameBaseline(id) }, "Name it as a baseline"),
  ];
}

async function nameBaseline(run) {
  const name = h("input", { type: "text", required: true, maxlength: 100, pattern: "[A-Za-z0-9][A-Za-z0-9._\\-]*", autocomplete: "off" });
  const named = await formDialog({
    title: "Name this run as a baseline",
    action: "Name it",
    fields: field("Name", name, "Others are compared with it by this name, also by “assay eval gate”. A name that is taken moves here."),
    submit: () => api.nameBaseline(name.value.trim(), run),
  });
  if (named) announce(`The run is the baseline ${named.name} from now on.`);
}

const fact = (term, value) => h("div", null, h("dt", null, term), h("dd", null, value));

function figures({ metrics, intervals }) {
  const names = ordered(Object.keys(metrics ?? {}));
  if (names.length === 0) return null;
  return h("section", { "aria-labelledby": "figures-heading" }, h("h2", { id: "figures-heading" }, "Figures"),
    h("p", { class: "fine" }, "Below each figure stands its 95 % confidence interval."),
    h("ul", { class: "figures" }, names.map((name) => figure(name, metrics[name], intervals?.[name]))));
}

function figure(name, value, interval) {
  const range = interval && `${score(interval[0])} to ${score(interval[1])}`;
  return h("li", { class: "figure" },
    h("span", { class: "figure-name" }, words(name)), h("span", { class: "figure-value" }, score(value)),
    value >= 0 && value <= 1 && intervalBar(value, interval),
    h("span", { class: "fine" }, range || "no interval"));
}

function intervalBar(value, interval) {
  const x = (v) => 2 + v * 196;
  return svg("svg", { class: "interval", viewBox: "0 0 200 12", "aria-hidden": "true", preserveAspectRatio: "none" },
    svg("line", { class: "interval-axis", x1: 2, x2: 198, y1: 6, y2: 6 }),
    interval && svg("line", { class: "interval-range", x1: x(interval[0]), x2: x(interval[1]), y1: 6, y2: 6 }),
    svg("line", { class: "interval-value", x1: x(value), x2: x(value), y1: 1, y2: 11 }));
}

function configuration({ configuration: values }) {
  const entries = Object.entries(values ?? {});
  if (entries.length === 0) return null;
  const shown = (value) => (typeof value === "object" ? JSON.stringify(value) : String(value));
  return h("details", { class: "details-line" }, h("summary", null, "Configuration that produced these scores"),
    h("dl", { class: "facts" }, entries.map(([name, value]) => fact(words(name), shown(value)))));
}

function questionScores(scores) {
  const metrics = ordered([...new Set(scores.map(({ metric }) => metric))]);
  const rows = rowsOf(scores);
  const failing = rows.filter((row) => row.failures.length > 0);
  const low = rows.filter((row) => row.lowest < LOW && row.failures.length === 0);
  const views = { "All questions": rows, [`Below ${LOW}`]: low, Failures: failing };
  const body = h("div");
  const buttons = Object.entries(views).map(([name, found]) => h("button", { type: "button", class: "filter", onclick: () => choose(name) }, name, h("span", { class: "filter-count" }, count(found.length))));
  const choose = (name) => {
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(Object.keys(views)[i] === name)));
    replace(body, scoreTable(views[name], metrics, PAGE_SIZE));
  };
  choose("All questions");
  return h("section", { "aria-labelledby": "questions-heading" },
    h("h2", { id: "questions-heading" }, "Questions"),
    scores.length === 0 ? empty("No scores yet", "They appear when the run has finished.")
      : [h("div", { class: "filters", role: "group", "aria-label": "Which questions" }, buttons), body]);
}

/** One row a question, the lowest scores first. */
function rowsOf(scores) {
  const rows = new Map();
  for (const { question, metric, value, failure } of scores) {
    if (!rows.has(question)) rows.set(question, { question, values: {}, failures: [], lowest: Infinity });
    const row = rows.get(question);
    row.values[metric] = value;
    if (failure && !row.failures.includes(failure)) row.failures.push(failure);
    if (value !== null) row.lowest = Math.min(row.lowest, value);
  }
  return [...rows.values()].sort((a, b) => b.failures.length - a.failures.length || a.lowest - b.lowest);
}

function scoreTable(rows, metrics, shown) {
  if (rows.length === 0) return empty("None", "No question belongs here in this run.");
  const body = h("tbody", null, rows.slice(0, shown).map((row) => h("tr", null,
    h("th", { scope: "row", class: "question-cell" }, row.question, row.failures.map((failure) => h("p", { class: "row-error" }, String(failure)))),
    metrics.map((metric) => h("td", { class: typeof row.values[metric] === "number" && row.values[metric] < LOW ? "number is-low" : "number" }, score(row.values[metric]))))));
  const table = h("div", { class: "table-scroll", tabindex: "0", role: "group", "aria-labelledby": "questions-heading" },
    h("table", { class: "table" },
      h("thead", null, h("tr", null, h("th", { scope: "col" }, "Question"), metrics.map((metric) => h("th", { scope: "col", class: "number" }, words(metric))))), body));
  const wrap = h("div", null, table);
  if (rows.length > shown) {
    wrap.append(h("div", { class: "actions" }, h("button", { type: "button", class: "button", onclick: () => wrap.replaceWith(scoreTable(rows, metrics, shown + PAGE_SIZE)) }, `Show more of ${count(rows.length)}`)));
  }
  return wrap;
}
