// The passages behind an answer: the cited ones with their numbers, then the ones that were only read.

import { h } from "../dom.js";

export function sourceList(turn, showPassage) {
  const cited = [...turn.citations.values()].sort((a, b) => a.n - b.n);
  const citedChunks = new Set(cited.map((citation) => citation.chunk_id));
  const read = turn.sources.filter((hit) => !citedChunks.has(hit.chunk_id));
  if (cited.length === 0 && read.length === 0) return null;
  const rows = (passages) => h("ol", { class: "sources" }, passages.map((passage) => row(passage, showPassage)));
  const label = turn.answer?.outcome === "nothing_found" ? "Closest passages" : "Passages found";
  if (cited.length === 0) return [h("h3", { class: "small-heading" }, label), rows(read)];
  return [
    h("h3", { class: "small-heading" }, "Sources"),
    rows(cited),
    read.length > 0 && h("details", { class: "details-line" },
      h("summary", null, `${read.length} more ${read.length === 1 ? "passage was" : "passages were"} read and not cited`), rows(read)),
  ];
}

function row(passage, showPassage) {
  const quote = passage.quote ?? passage.text;
  const where = [passage.heading, passage.page && `page ${passage.page}`].filter(Boolean).join(" · ");
  const onclick = (event) => showPassage({ ...passage, quote }, event.currentTarget);
  return h("li", null, h("button", { type: "button", class: "source", onclick },
    passage.n && h("span", { class: "cite cite-static", "aria-hidden": "true" }, passage.n),
    h("span", { class: "source-what" },
      h("span", { class: "source-name" }, passage.document_name),
      where && h("span", { class: "source-where" }, where),
      h("span", { class: "source-quote" }, shortened(quote)))));
}

const shortened = (text) => {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > 160 ? `${line.slice(0, 159)}…` : line;
};
