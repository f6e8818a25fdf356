// Searching without an answer: the passages, and how each stage ranked them.

import { api } from "../api.js";
import { collectionPicker, loadCollections } from "../components/collection-picker.js";
import { field } from "../components/dialog.js";
import { icon } from "../components/icons.js";
import { closePassage, showPassage } from "../components/passage-drawer.js";
import { stageTable } from "../components/stage-table.js";
import { empty, fill, notice } from "../components/states.js";
import { announce, h, replace } from "../dom.js";
import { milliseconds, plural, score, words } from "../format.js";
import { remember } from "../router.js";

const MODES = [["hybrid", "Hybrid: meaning and words"], ["dense", "Dense: meaning"], ["lexical", "Lexical: words"]];
const EXPANDS = [["", "What the collection says"], ["off", "Nothing"], ["neighbours", "Passages before and after"], ["section", "Passages of its section"]];

export function render({ main, query, signal }) {
  const tools = h("div", { class: "page-tools" });
  const body = h("div");
  replace(main, h("div", { class: "page-head" }, h("h1", null, "Search"), tools), body);
  signal.addEventListener("abort", () => closePassage({ refocus: false }));
  fill(body, {
    signal,
    load: () => loadCollections({ wanted: query.collection, signal }),
    show: ({ collections, current }) => {
      if (!current) {
        return body.append(empty("Nothing to search yet", "Add documents first.", h("a", { class: "button button-primary", href: "/ui/documents" }, "Documents")));
      }
      return showSearch({ body, tools, collections, current, query, signal });
    },
  });
}

function showSearch({ body, tools, collections, current, query, signal }) {
  let collection = current;
  const results = h("div", { class: "results" });
  const controls = searchControls(query);
  let running = new AbortController();

  const search = ({ spelling = true } = {}) => {
    const asked = { ...controls.read(), spelling };
    if (!asked.query) return;
    running.abort();
    running = new AbortController();
    signal.addEventListener("abort", () => running.abort(), { once: true });
    closePassage({ refocus: false });
    remember({ collection, q: asked.query, mode: asked.mode, top_k: asked.top_k, expand: asked.expand, explain: asked.explain ? 1 : null });
    fill(results, {
      signal: running.signal,
      label: "Searching…",
      load: () => api.search(collection, asked, { signal: running.signal }),
      show: (found) => showResults(results, found, asked, () => search({ spelling: false })),
    });
  };

  tools.append(collectionPicker({ collections, current, onChange: (name) => {
    collection = name;
    search();
  } }));
  body.append(h("form", { class: "search-form", role: "search", onsubmit: (event) => {
    event.preventDefault();
    search();
  } }, controls.nodes), results);
  if (query.q) search();
  else controls.focus();
}

function searchControls(query) {
  const input = h("input", { type: "search", id: "search-query", required: true, maxlength: 4000, value: query.q ?? "", placeholder: "What are you looking for?" });
  const mode = h("select", null, MODES.map(([value, label]) => h("option", { value, selected: value === query.mode }, label)));
  const expand = h("select", null, EXPANDS.map(([value, label]) => h("option", { value, selected: value === query.expand }, label)));
  const topK = h("input", { type: "number", min: 1, max: 200, value: query.top_k ?? 10 });
  const box = (label, checked) => {
    const control = h("input", { type: "checkbox", checked });
    return { control, node: h("label", { class: "check" }, control, label) };
  };
  const rerank = box("Rerank", true);
  const explain = box("Explain the ranks", query.explain === "1");
  const cache = box("Use the cache", true);
  const single = box("One per document", false);
  return {
    nodes: [
      h("div", { class: "search-line" }, h("label", { class: "visually-hidden", for: "search-query" }, "Search for"), input,
        h("button", { type: "submit", class: "button button-primary" }, icon("search"), "Search")),
      h("div", { class: "search-options" }, field("Mode", mode), field("Read with each", expand), field("Results", topK),
        h("div", { class: "checks" }, [explain, rerank, single, cache].map(({ node }) => node))),
    ],
    read: () => ({
      query: input.value.trim(), mode: mode.value, top_k: Number(topK.value) || 10, rerank: rerank.control.checked,
      explain: explain.control.checked, cache: cache.control.checked ? "use" : "bypass", one_per_document: single.control.checked,
      expand: expand.value || null,
    }),
    focus: () => input.focus(),
  };
}

function showResults(results, { hits, timings_ms: timings, cache, degraded, corrections }, asked, asWritten) {
  const total = timings.total ?? Object.values(timings).reduce((sum, ms) => sum + ms, 0);
  const notices = (degraded ?? []).map((part) => notice("warning", h("strong", null, `${words(part.component)}: ${words(part.mode).toLowerCase()}. `), part.reason));
  if (corrections?.length) notices.unshift(correctionNotice(corrections, asWritten));
  announce(`${plural(hits.length, "passage")} found.`);
  if (hits.length === 0) {
    replace(results, notices, empty("No passage found", "Try other words, or another mode: Dense finds paraphrases, Lexical finds exact words."));
    return;
  }
  replace(results, notices,
    h("details", { class: "details-line" },
      h("summary", null, `${plural(hits.length, "passage")} in ${milliseconds(total)}${cache === "hit" ? " · from the cache" : ""}`),
      h("dl", { class: "facts" }, Object.entries(timings).map(([name, ms]) => h("div", null, h("dt", null, words(name)), h("dd", null, milliseconds(ms)))))),
    asked.explain && stageTable(hits),
    h("ol", { class: "hits" }, hits.map((hit) => hitItem(hit, asked.explain))));
}

function correctionNotice(corrections, asWritten) {
  const said = corrections.flatMap(({ written, meant }) => ["Searched for ", h("strong", null, meant), ` instead of “${written}”. `]);
  return notice("info", said, h("button", { type: "button", class: "button", onclick: asWritten }, "Search as written"));
}

function hitItem(hit, explain) {
  const place = [hit.heading, hit.page && `page ${hit.page}`].filter(Boolean).join(" · ");
  const onclick = (event) => showPassage({ ...hit, quote: hit.text }, event.currentTarget);
  return h("li", { class: "hit", id: `hit-${hit.rank}` },
    h("div", { class: "hit-head" },
      h("span", { class: "hit-rank", "aria-label": `Rank ${hit.rank}` }, hit.rank),
      h("button", { type: "button", class: "hit-title", onclick }, hit.document_name),
      h("span", { class: "fine hit-score" }, `${words(hit.scored_by)} ${score(hit.score)}`)),
    place && h("p", { class: "fine" }, place),
    h("div", { class: "passage-text hit-text" }, hit.text.replace(/\n\s*\n/g, "\n")),
    hit.around.length > 0 && readWith(hit),
    explain && hit.stages?.length > 0 && h("p", { class: "fine" }, hit.stages.map(({ stage, rank }) => `${words(stage)} #${rank}`).join(" · ")));
}

function readWith(hit) {
  const parts = (passages) => passages.map(({ text }) => h("p", { class: "passage-text" }, text));
  const own = h("p", { class: "passage-text" }, h("strong", null, hit.text));
  return h("details", { class: "details-line hit-around" },
    h("summary", null, `Read with ${plural(hit.around.length, "passage")} around it`),
    parts(hit.around.filter(({ start }) => start < hit.start)), own, parts(hit.around.filter(({ start }) => start >= hit.start)));
}
