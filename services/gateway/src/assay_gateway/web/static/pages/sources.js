// Sources: what collections are kept in step with, their last runs with counts and errors, and running one now.

import { api } from "../api.js";
import { openDialog } from "../components/dialog.js";
import { icon } from "../components/icons.js";
import { stateBadge } from "../components/state-badge.js";
import { empty, failure, fill, notice } from "../components/states.js";
import { h, replace } from "../dom.js";
import { count, dateTime, plural } from "../format.js";

const REFRESH_MS = 3000;
const COUNTS = ["seen", "unchanged", "added", "changed", "removed", "failed", "left_out"];
const HOW = "A folder, a bucket, a site, a WebDAV folder or a mailbox is added on the command line: “assay sources add --help”.";

export function render({ main, signal }) {
  const body = h("div");
  replace(main, h("div", { class: "page-head" }, h("h1", { id: "sources-heading" }, "Sources")), body);
  const load = () => api.sources({ signal });
  fill(body, { signal, load, show: (sources) => new SourcesPage({ body, sources, signal }).draw() });
}

const labelOf = (name) => name.replace("_", " ");
const isOpen = (run) => run?.state === "waiting" || run?.state === "running";

class SourcesPage {
  constructor({ body, sources, signal }) {
    Object.assign(this, { body, sources, signal });
    this.problem = h("div");
    this.list = h("div");
    body.append(this.problem, this.list);
  }

  draw() {
    if (this.sources.length === 0) return replace(this.list, empty("No sources yet", HOW));
    replace(this.list, h("ul", { class: "source-cards" }, this.sources.map((source) => this.#card(source))));
    if (this.sources.some((source) => isOpen(source.last_run))) setTimeout(() => this.#refresh(), REFRESH_MS);
    return this.list;
  }

  async #refresh() {
    if (this.signal.aborted) return;
    try {
      this.sources = await api.sources({ signal: this.signal });
      this.draw();
    } catch (problem) {
      if (!this.signal.aborted) replace(this.problem, failure(problem, { retry: () => this.#refresh() }));
    }
  }

  async #do(work) {
    try {
      replace(this.problem);
      await work();
      await this.#refresh();
    } catch (problem) {
      replace(this.problem, failure(problem));
    }
  }

  #card(source) {
    const run = source.last_run;
    const start = (confirm) => this.#do(() => api.runSource(source.id, { confirm_removals: confirm }));
    const pause = () => this.#do(() => api.changeSource(source.id, { paused: !source.paused }));
    return h("li", { class: "source-card" },
      h("div", { class: "section-head" },
        h("h2", null, source.name, run && stateBadge(run.state)),
        h("div", { class: "actions" },
          h("button", { type: "button", class: "button", onclick: () => showRuns(source) }, "Runs"),
          source.every_s > 0 && h("button", { type: "button", class: "button", onclick: pause }, source.paused ? "Resume" : "Pause"),
          h("button", { type: "button", class: "button button-primary", disabled: isOpen(run), onclick: () => start(false) }, icon("retry"), "Run now"))),
      h("p", { class: "fine" }, `${source.kind} · ${placeOf(source)} · collection ${source.collection} · ${plural(source.documents, "document")} · ${schedule(source)}`),
      run ? runSummary(run) : h("p", { class: "fine" }, "Not run yet"),
      run?.state === "stopped" && h("div", { class: "actions" },
        h("button", { type: "button", class: "button button-danger", onclick: () => start(true) }, "Remove them")));
  }
}

function runSummary(run) {
  return [
    h("dl", { class: "counts" }, COUNTS.map((name) => h("div", null,
      h("dt", null, labelOf(name)), h("dd", { class: name === "failed" && run.failed > 0 ? "has-failures" : null }, count(run[name]))))),
    h("p", { class: "fine" }, `${run.requested_by ? "Asked for" : "By schedule"} ${dateTime(run.created_at)}${run.finished_at ? `, ended ${dateTime(run.finished_at)}` : ""}`),
    run.error && notice("warning", run.error),
    run.errors.length > 0 && h("details", null,
      h("summary", null, plural(run.failed, "item that could not be taken", "items that could not be taken")),
      h("ul", { class: "source-errors" }, run.errors.map((error) => h("li", null, h("b", null, error.item), ` ${error.message} (${error.code})`)))),
  ];
}

function showRuns(source) {
  return openDialog(`Runs of ${source.name}`, (close, signal) => {
    const body = h("div");
    fill(body, { signal, load: () => api.sourceRuns(source.id, { signal }), show: (runs) => {
      body.append(runs.length === 0 ? empty("No run yet", "") : runTable(runs));
    } });
    return h("div", null, body, h("div", { class: "actions actions-end" },
      h("button", { type: "button", class: "button", onclick: () => close(null), autofocus: true }, "Close")));
  });
}

function runTable(runs) {
  return h("div", { class: "table-scroll", tabindex: "0", role: "group", "aria-label": "Runs" },
    h("table", { class: "table run-table" },
      h("thead", null, h("tr", null, ["Started", "State"].map((label) => h("th", { scope: "col" }, label)),
        COUNTS.map((name) => h("th", { scope: "col", class: "number" }, labelOf(name))))),
      h("tbody", null, runs.map((run) => h("tr", null,
        h("th", { scope: "row" }, dateTime(run.created_at)), h("td", null, stateBadge(run.state)),
        COUNTS.map((name) => h("td", { class: "number" }, count(run[name]))))))));
}

function placeOf({ kind, settings }) {
  switch (kind) {
    case "folder": return settings.path;
    case "s3": return `${settings.endpoint}/${settings.bucket}/${settings.prefix ?? ""}`;
    case "web": return settings.urls.join(", ");
    case "webdav": return settings.url;
    case "imap": return `${settings.username} at ${settings.host}, ${settings.mailbox}`;
    default: return Object.values(settings).join(", ");
  }
}

function schedule({ every_s: every, paused, next_run_at: next }) {
  if (paused) return "paused";
  if (every === 0) return "runs when asked";
  return next ? `next run ${dateTime(next)}` : "runs by schedule";
}
