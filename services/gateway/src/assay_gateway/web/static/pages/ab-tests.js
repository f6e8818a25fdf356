// A/B tests: a share of the live questions is answered in another way, and what that has shown so far.

import { api } from "../api.js";
import { collectionPicker, loadCollections } from "../components/collection-picker.js";
import { confirmDialog, field, formDialog } from "../components/dialog.js";
import { evaluationTabs } from "../components/evaluation-tabs.js";
import { forest } from "../components/forest.js";
import { icon } from "../components/icons.js";
import { empty, failure, fill } from "../components/states.js";
import { h, replace, uniqueId } from "../dom.js";
import { count, dateTime, percent, plural, score, signed, words } from "../format.js";
import { navigate } from "../router.js";
import { may } from "../session.js";

const LIMIT = 50;
const HERE = "/ui/evaluations/ab-tests";
const SIGNS = { better: "check", worse: "cross", void: "warning", undecided: "dash", stopped: "dash" };
const HOPED = ["groundedness", "answer_relevance", "context_relevance", "answered", "thumbs"];

export function render({ main, query, signal }) {
  const tools = h("div", { class: "page-tools" });
  const said = h("div");
  const body = h("div");
  replace(main, h("div", { class: "page-head" }, h("h1", null, "A/B tests"), tools), evaluationTabs(HERE), said, body);
  fill(body, {
    signal,
    load: async () => {
      const found = await loadCollections({ wanted: query.collection, signal });
      const [tests, runs] = await Promise.all([
        api.abTests({ collection: query.collection, limit: LIMIT }, { signal }),
        may("curator") ? api.runs({ collection: query.collection, limit: 200 }, { signal }) : [],
      ]);
      return { ...found, tests, runs: runs.filter((run) => run.state === "done") };
    },
    show: ({ collections, tests, runs }) => {
      const onChange = (name) => navigate(name ? `${HERE}?${new URLSearchParams({ collection: name })}` : HERE);
      replace(tools, collections.length > 0 && collectionPicker({ collections, current: query.collection, onChange, all: true }),
        runs.length > 0 && h("button", { type: "button", class: "button button-primary", onclick: () => start(runs) }, icon("plus"), "Start a test"));
      if (tests.length === 0) {
        return body.append(empty("No A/B tests yet", "A run that was made with another prompt or search can be tried on a share of the live questions. The test ends by itself as soon as it is sure."));
      }
      return body.append(...tests.map((test) => card(test, said)));
    },
  });
}

function card(test, said) {
  const heading = uniqueId("ab-test");
  const running = test.state === "running";
  return h("section", { class: "ab-test", "aria-labelledby": heading },
    h("div", { class: "section-head" },
      h("h2", { id: heading }, `${test.collection}, ${dateTime(test.started_at)}`),
      h("span", { class: "badge", dataset: { ab: test.state } }, running ? h("span", { class: "spinner", "aria-hidden": "true" }) : icon(SIGNS[test.state]), test.state),
      running && may("curator") && stopButton(test, said)),
    h("p", null, running ? `${percent(test.share)} of the questions are answered as the trial says. ${words(test.metric)} is hoped to rise.` : `Ended ${dateTime(test.ended_at)}${test.ended_by ? ` by ${test.ended_by}` : ""}: ${test.reason}.`),
    h("ul", { class: "change-list" }, changed(test)),
    test.words.length > 0 && h("ul", { class: "verdict-words" }, test.words.map((sentence) => h("li", null, sentence))),
    test.differences.length > 0 && forest(test.differences.map((one) => rowOf(one, test)), {
      numbers,
      legend: "Left of the dashed line the trial has less than the control, right of it more. All bars of a test hold together in 95 % of tests, however often one looks.",
    }),
    h("p", { class: "fine" }, `Control: ${arm(test.control_figures)}. Trial: ${arm(test.trial_figures)}. Judge: ${test.judge}. Started by ${test.started_by}${test.override_reason ? ` although the gate said no: ${test.override_reason}` : ""}.`),
    test.state === "better" && h("p", { class: "fine" }, "To let the collection answer so: ", h("code", null, `assay promote ${test.run}`)));
}

const arm = ({ given, scored, failed }) => `${plural(given, "answer")}, ${count(scored)} scored${failed > 0 ? `, ${count(failed)} not in full` : ""}`;

const shown = (value) => (value === "" ? "the deployment’s" : String(value));

function changed({ control, trial }) {
  return Object.keys(trial).filter((setting) => trial[setting] !== control[setting])
    .map((setting) => h("li", null, `${words(setting)}: `, h("span", null, shown(control[setting])), " → ", h("strong", null, shown(trial[setting]))));
}

function rowOf(one, { control_figures: control, trial_figures: trial }) {
  const finding = one.low > 0 ? "better" : one.high < 0 ? "worse" : "not decided";
  return { name: words(one.metric), metric: { ...one, finding, baseline: control.means[one.metric], run: trial.means[one.metric] } };
}

function numbers({ difference, low, high, baseline, run, pairs }) {
  return [h("strong", null, signed(difference)), ` (${signed(low)} to ${signed(high)})`, h("br"), `${score(baseline)} → ${score(run)}, ${plural(pairs, "pair")}`];
}

function stopButton(test, said) {
  const onclick = async () => {
    const sure = await confirmDialog({ title: "Stop this test?", text: "All questions are answered as before. What it has shown is kept.", action: "Stop the test", keep: "Let it run" });
    if (!sure) return;
    try {
      await api.stopAbTest(test.id);
      navigate(location.pathname + location.search, { replace: true });
    } catch (problem) {
      replace(said, failure(problem));
    }
  };
  return h("button", { type: "button", class: "button", onclick }, "Stop");
}

async function start(runs) {
  const run = h("select", null, runs.map(({ id, started_at: at, collection, dataset, configuration }) =>
    h("option", { value: id }, `${dateTime(at)} · ${collection} · ${dataset} · ${configuration.prompt || "the deployment’s prompt"}, ${configuration.mode}, top ${configuration.top_k}`)));
  const share = h("input", { type: "number", min: 1, max: 90, step: 1, value: 10, required: true });
  const metric = h("select", null, HOPED.map((name) => h("option", { value: name }, words(name))));
  const days = h("input", { type: "number", min: 1, max: 90, value: 14, required: true });
  const reason = h("input", { type: "text", autocomplete: "off" });
  const started = await formDialog({
    title: "Start an A/B test",
    action: "Start",
    fields: [
      field("Run", run, "The trial answers as this run did. It must be no worse than how the collection answers now."),
      field("Share of the questions, in %", share), field("Hoped to rise", metric, "The test also ends where anything else falls."),
      field("Days at most", days), field("Reason, if the gate says no", reason, "Kept with your name"),
    ],
    submit: () => api.startAbTest({ run: run.value, share: Number(share.value) / 100, metric: metric.value, days: Number(days.value), ...(reason.value.trim() && { override_reason: reason.value.trim() }) }),
  });
  if (started) navigate(location.pathname + location.search, { replace: true });
}
