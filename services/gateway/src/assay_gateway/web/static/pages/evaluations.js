// Evaluation runs over time, one run in detail, and starting a run.

import { api } from "../api.js";
import { lineChart } from "../chart.js";
import { collectionPicker, loadCollections } from "../components/collection-picker.js";
import { field, formDialog } from "../components/dialog.js";
import { evaluationTabs } from "../components/evaluation-tabs.js";
import { icon } from "../components/icons.js";
import { runDetail } from "../components/run-detail.js";
import { runTable } from "../components/run-table.js";
import { empty, failure, fill } from "../components/states.js";
import { h, replace, uniqueId } from "../dom.js";
import { words } from "../format.js";
import { groups } from "../metrics.js";
import { navigate } from "../router.js";

const LIMIT = 200;
const REFRESH_MS = 4000;

export function render({ main, query, signal }) {
  if (query.run) return renderRun({ main, id: query.run, signal });
  return renderRuns({ main, query, signal });
}

function renderRun({ main, id, signal }) {
  const body = h("div");
  replace(main, h("p", { class: "crumb" }, h("a", { href: "/ui/evaluations" }, icon("left"), "Evaluations")), body);
  fill(body, { signal, load: () => api.run(id, { signal }), show: (run) => {
    body.append(runDetail(run));
    if (isOpen(run)) setTimeout(() => !signal.aborted && navigate(location.pathname + location.search, { replace: true }), REFRESH_MS);
  } });
}

function renderRuns({ main, query, signal }) {
  const tools = h("div", { class: "page-tools" });
  const body = h("div");
  replace(main, h("div", { class: "page-head" }, h("h1", null, "Evaluations"), tools), evaluationTabs("/ui/evaluations"), body);
  fill(body, {
    signal,
    load: async () => {
      const found = await loadCollections({ wanted: query.collection, signal });
      return { ...found, runs: await api.runs({ collection: query.collection, limit: LIMIT }, { signal }) };
    },
    show: ({ collections, current, runs }) => {
      const start = () => startRun({ collections, current, runs });
      const button = h("button", { type: "button", class: "button button-primary", onclick: start }, icon("plus"), "Start a run");
      if (collections.length > 0) {
        const onChange = (name) => navigate(name ? `/ui/evaluations?${new URLSearchParams({ collection: name })}` : "/ui/evaluations");
        replace(tools, collectionPicker({ collections, current: query.collection, onChange, all: true }), button);
      }
      if (runs.length === 0) {
        return body.append(empty("No runs yet", "Every night a golden set and a sample of the day’s answers are scored. A run can also be started here, or with “assay eval run”."));
      }
      return new RunsPage({ body, runs, collection: query.collection, signal }).draw();
    },
  });
}

const isOpen = (run) => run.state === "waiting" || run.state === "running";
const seriesOf = (run) => JSON.stringify([run.collection, run.dataset, run.judge]);

class RunsPage {
  constructor({ body, runs, collection, signal }) {
    Object.assign(this, { runs, collection, signal });
    this.charts = h("section", { "aria-labelledby": "charts-heading" });
    this.list = h("section", { "aria-labelledby": "runs-heading" });
    body.append(this.charts, this.list);
    this.chosen = seriesOf(runs.find((run) => run.state === "done") ?? runs[0]);
    this.drawing = new AbortController();
    signal.addEventListener("abort", () => this.drawing.abort());
  }

  draw() {
    this.#drawCharts();
    replace(this.list, h("h2", { id: "runs-heading" }, "Runs"), runTable(this.runs));
    if (this.runs.some(isOpen)) setTimeout(() => this.#refresh(), REFRESH_MS);
  }

  async #refresh() {
    if (this.signal.aborted) return;
    try {
      this.runs = await api.runs({ collection: this.collection, limit: LIMIT }, { signal: this.signal });
      this.draw();
    } catch (problem) {
      if (!this.signal.aborted) this.list.prepend(failure(problem, { retry: () => this.#refresh() }));
    }
  }

  #drawCharts() {
    this.drawing.abort();
    this.drawing = new AbortController();
    const shown = this.runs.filter((run) => run.state === "done" && seriesOf(run) === this.chosen);
    const charts = groups(shown).map(({ title, metrics }) => lineChart({
      title, domain: [lowEnd(metrics, shown), 1], signal: this.drawing.signal, series: metrics.map((metric) => lineOf(metric, shown)),
      onChoose: (time) => navigate(`/ui/evaluations?${new URLSearchParams({ run: shown.find((run) => timeOf(run) === time).id })}`),
    }));
    replace(this.charts,
      h("div", { class: "section-head" }, h("h2", { id: "charts-heading" }, "Over time"), this.#seriesPicker()),
      charts.length > 0 ? h("div", { class: "charts" }, charts) : empty("No finished run", "The chart begins with the first run that ends well."));
  }

  #seriesPicker() {
    const all = [...new Set(this.runs.map(seriesOf))];
    if (all.length < 2) return h("p", { class: "fine" }, labelOf(this.chosen));
    const id = uniqueId("series");
    const select = h("select", { id, onchange: () => {
      this.chosen = select.value;
      this.#drawCharts();
    } }, all.map((value) => h("option", { value, selected: value === this.chosen }, labelOf(value))));
    return h("div", { class: "picker" }, h("label", { for: id }, "Series"), select);
  }
}

/** Where the axis begins: at 0, or half way if nothing lies below. */
function lowEnd(metrics, runs) {
  const lowest = Math.min(...runs.flatMap((run) => metrics.map((metric) => run.intervals?.[metric]?.[0] ?? run.metrics[metric] ?? 1)));
  return lowest >= 0.5 ? 0.5 : 0;
}

const timeOf = (run) => new Date(run.started_at).getTime();

function lineOf(metric, runs) {
  const points = runs.filter((run) => typeof run.metrics[metric] === "number")
    .map((run) => ({ x: new Date(run.started_at), y: run.metrics[metric], interval: run.intervals?.[metric] }));
  return { name: words(metric), points: points.sort((a, b) => a.x - b.x) };
}

function labelOf(series) {
  const [collection, dataset, judge] = JSON.parse(series);
  return `${collection} · ${dataset} · judge ${judge}`;
}

async function startRun({ collections, current, runs }) {
  const datasets = uniqueId("datasets");
  const known = [...new Set(runs.map((run) => run.dataset))];
  const collection = h("select", null, collections.map((c) => h("option", { value: c.name, selected: c.name === current }, c.name)));
  const dataset = h("input", { type: "text", required: true, value: known.includes("golden") ? "golden" : (known[0] ?? "golden"), list: datasets, autocomplete: "off" });
  const judge = h("select", null, h("option", { value: "local" }, "Local: the trained judge"), h("option", { value: "embedding" }, "Embedding: similarity, the baseline"), h("option", { value: "ragas" }, "Ragas: the chat model judges"));
  const limit = h("input", { type: "number", min: 1, placeholder: "all" });
  const started = await formDialog({
    title: "Start a run",
    action: "Start",
    fields: [
      field("Collection", collection), field("Dataset", dataset, "A golden set stored for this collection"), h("datalist", { id: datasets }, known.map((name) => h("option", { value: name }))),
      field("Judge", judge), field("Questions at most", limit),
    ],
    submit: () => api.startRun({ collection: collection.value, dataset: dataset.value.trim(), judge: judge.value, ...(limit.value && { limit: Number(limit.value) }) }),
  });
  if (started) navigate(`/ui/evaluations?${new URLSearchParams({ run: started.id })}`);
}
