// A run against a baseline: what is worse or better and how sure that is, in parts too, and what was changed.

import { api } from "../api.js";
import { evaluationTabs } from "../components/evaluation-tabs.js";
import { comparisonForest, forest } from "../components/forest.js";
import { empty, fill } from "../components/states.js";
import { h, replace, uniqueId } from "../dom.js";
import { count, dateTime, words } from "../format.js";
import { navigate } from "../router.js";

const LIMIT = 200;
const HERE = "/ui/evaluations/compare";

export function render({ main, query, signal }) {
  const form = h("div");
  const body = h("div");
  replace(main, h("div", { class: "page-head" }, h("h1", null, "Comparison")), evaluationTabs(HERE), form, body);
  fill(form, {
    signal,
    load: async () => {
      const [runs, baselines] = await Promise.all([api.runs({ limit: LIMIT }, { signal }), api.baselines({ signal })]);
      return { runs: runs.filter((run) => run.state === "done"), baselines };
    },
    show: (found) => {
      if (found.runs.length < 2) return form.append(empty("Nothing to compare yet", "Two runs of the same golden set that have ended are compared question by question."));
      form.append(chooser(found, query));
      if (query.baseline && query.run) showComparison(body, query, signal);
      return null;
    },
  });
}

/** Choices of a baseline and a run; a chosen baseline leaves the runs that can be compared with it. */
function chooser({ runs, baselines }, query) {
  const run = picker("Run", runs.map(optionOf), query.run ?? runs[0].id);
  const named = h("optgroup", { label: "Named baselines" }, baselines.map(({ name, run: id, collection, dataset }) => h("option", { value: id }, `${name} (${collection}, ${dataset})`)));
  const baseline = picker("Baseline", [baselines.length > 0 && named, h("optgroup", { label: "Runs" }, runs.map(optionOf))], query.baseline ?? before(runs, run.select.value));
  const onsubmit = (event) => {
    event.preventDefault();
    navigate(`${HERE}?${new URLSearchParams({ baseline: baseline.select.value, run: run.select.value })}`);
  };
  return h("form", { class: "compare-form", onsubmit }, baseline.node, run.node, h("button", { type: "submit", class: "button button-primary" }, "Compare"));
}

const optionOf = ({ id, started_at: at, collection, dataset, judge }) => h("option", { value: id }, `${dateTime(at)} · ${collection} · ${dataset} · ${judge}`);

function picker(label, options, chosen) {
  const id = uniqueId("compare");
  const select = h("select", { id }, options);
  if (chosen) select.value = chosen;
  if (select.selectedIndex < 0) select.selectedIndex = 0;
  return { select, node: h("div", { class: "picker" }, h("label", { for: id }, label), select) };
}

/** The run of the same kind before this one. */
function before(runs, id) {
  const chosen = runs.find((run) => run.id === id) ?? runs[0];
  const same = runs.filter((run) => run.collection === chosen.collection && run.dataset === chosen.dataset && run.started_at < chosen.started_at);
  return same.sort((a, b) => b.started_at.localeCompare(a.started_at))[0]?.id;
}

function showComparison(body, { baseline, run }, signal) {
  fill(body, {
    signal,
    label: "Comparing question by question…",
    load: async () => {
      const [experiment, ...details] = await Promise.all([api.compare(baseline, run, { signal }), api.run(baseline, { signal }), api.run(run, { signal })]);
      return { experiment, details };
    },
    show: ({ experiment, details }) => body.append(
      section("In words", h("ul", { class: "verdict-words" }, experiment.words.map((sentence) => h("li", null, sentence)))),
      section("What decides", comparisonForest(experiment.metrics.filter((metric) => metric.decides))),
      others(experiment), slices(experiment), changes(experiment), failures(details), unmatched(experiment)),
  });
}

function section(title, ...content) {
  const id = uniqueId("section");
  return h("section", { "aria-labelledby": id }, h("h2", { id }, title), content);
}

function others({ metrics }) {
  const told = metrics.filter((metric) => !metric.decides);
  return told.length > 0 && section("Told only", comparisonForest(told));
}

function slices({ slices: found }) {
  if (found.length === 0) return "";
  const metrics = [...new Set(found.flatMap((slice) => slice.metrics.map(({ metric }) => metric)))];
  const worst = found.flatMap((slice) => slice.metrics).find(({ finding }) => finding === "worse")?.metric;
  const body = h("div");
  const id = uniqueId("slice-metric");
  const draw = () => replace(body, sliceForest(found, select.value));
  const select = h("select", { id, onchange: draw }, metrics.map((metric) => h("option", { value: metric, selected: metric === worst }, words(metric))));
  draw();
  return section("In parts", h("div", { class: "compare-form" }, h("div", { class: "picker" }, h("label", { for: id }, "Metric"), select)), body);
}

function sliceForest(found, metric) {
  const rows = found.filter((slice) => !slice.too_small).flatMap((slice) => slice.metrics.filter((one) => one.metric === metric)
    .map((one) => ({ name: `${words(slice.by)}: ${slice.value}`, metric: one })));
  const small = found.filter((slice) => slice.too_small).map(({ by, value, questions }) => `${words(by)}: ${value} (${count(questions)})`);
  return [rows.length > 0 ? forest(rows) : empty("No part is large enough", "Parts of a few questions say nothing."),
    small.length > 0 && h("p", { class: "fine" }, `Too small to tell: ${small.join(", ")}.`)];
}

function changes({ changes: found }) {
  const said = ({ factor, what, before: was, after }) => h("li", null, h("span", { class: "badge" }, factor), `${what}: `, h("s", null, was), " → ", h("strong", null, after));
  return section("What was changed", found.length > 0 ? h("ul", { class: "change-list" }, found.map(said))
    : h("p", null, "Nothing that the runs record: corpus, index, retrieval, prompt, model and judge are the same."));
}

/** Questions that could not be scored in either run, with the reason of each. */
function failures(details) {
  const reasons = details.map(({ scores }) => new Map(scores.filter(({ failure }) => failure).map(({ question, failure }) => [question, failure])));
  const questions = [...new Set(reasons.flatMap((found) => [...found.keys()]))].sort();
  if (questions.length === 0) return section("Failures", h("p", null, "Every question could be scored in both runs."));
  const id = uniqueId("failures");
  return h("section", { "aria-labelledby": id }, h("h2", { id }, "Failures"),
    h("p", { class: "fine" }, "What could not be scored is in no mean."),
    h("div", { class: "table-scroll", tabindex: "0", role: "group", "aria-labelledby": id }, h("table", { class: "table" },
      h("thead", null, h("tr", null, ["Question", "In the baseline", "In the run"].map((label) => h("th", { scope: "col" }, label)))),
      h("tbody", null, questions.map((question) => h("tr", null, h("th", { scope: "row" }, question), reasons.map((found) => h("td", null, found.get(question) ?? "scored"))))))));
}

function unmatched({ only_in_baseline: lost, only_in_run: added }) {
  const said = [[lost, "only in the baseline"], [added, "only in the run"]].filter(([some]) => some.length > 0);
  return said.length > 0 && h("p", { class: "fine" }, said.map(([some, where]) => `${count(some.length)} of the questions are ${where}: ${some.slice(0, 8).join(", ")}${some.length > 8 ? ", …" : ""}. `));
}
