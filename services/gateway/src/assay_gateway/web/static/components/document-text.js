// A version's text: as the chunks that are searched, or whole, with one passage highlighted if asked.

import { api } from "../api.js";
import { h, replace, uniqueId } from "../dom.js";
import { count, plural } from "../format.js";
import { highlighted } from "./highlight.js";
import { empty, failure, fill } from "./states.js";

const PAGE_SIZE = 50;
const CONTEXT = 20_000; // the API's limit

export function documentText({ id, version, span, signal }) {
  const body = h("div", { id: uniqueId("text") });
  const views = { Chunks: () => showChunks(body, { id, version, signal }), "Whole text": () => showWhole(body, { id, version, span, signal }) };
  const buttons = Object.keys(views).map((name) => h("button", { type: "button", class: "filter", onclick: () => choose(name) }, name));
  const choose = (name) => {
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.textContent === name));
    views[name]();
  };
  choose(span ? "Whole text" : "Chunks");
  return h("div", null, h("div", { class: "filters", role: "group", "aria-label": "View of the text" }, buttons), body);
}

function showWhole(body, { id, version, span, signal }) {
  fill(body, {
    signal,
    load: () => api.text(id, version, span ? { ...span, context: CONTEXT } : {}, { signal }),
    show: (found) => {
      const before = found.start > 0;
      const after = found.end < found.length;
      const text = highlighted(span ? found : { ...found, passage_start: found.start, passage_end: found.start }, { before, after });
      replace(body, text, (before || after) && h("p", { class: "fine" }, `${count(found.end - found.start)} of ${count(found.length)} characters are shown.`));
      const mark = text.querySelector("mark");
      if (mark) requestAnimationFrame(() => mark.scrollIntoView({ block: "center" }));
    },
  });
}

function showChunks(body, { id, version, signal }) {
  const list = h("ol", { class: "chunks" });
  const foot = h("div", { class: "actions" });
  const more = async (cursor) => {
    replace(foot, h("span", { class: "spinner" }));
    try {
      add(await api.chunks(id, version, { limit: PAGE_SIZE, cursor }, { signal }));
    } catch (problem) {
      if (!signal.aborted) replace(foot, failure(problem, { retry: () => more(cursor) }));
    }
  };
  const add = ({ chunks, next_cursor: cursor }) => {
    list.append(...chunks.map(chunkItem));
    replace(foot, cursor && h("button", { type: "button", class: "button", onclick: () => more(cursor) }, "Show more chunks"));
  };
  fill(body, {
    signal,
    load: () => api.chunks(id, version, { limit: PAGE_SIZE }, { signal }),
    show: (page) => {
      if (page.chunks.length === 0) return body.append(empty("No chunks", "No text was found in this version."));
      add(page);
      return body.append(list, foot);
    },
  });
}

function chunkItem(chunk) {
  const place = [chunk.heading, chunk.page && `page ${chunk.page}`].filter(Boolean).join(" · ");
  return h("li", { class: "chunk" },
    h("div", { class: "chunk-head" },
      h("span", { class: "chunk-number" }, chunk.ordinal + 1), place && h("span", { class: "chunk-place" }, place),
      h("span", { class: "fine" }, `${plural(chunk.tokens, "token")} · characters ${count(chunk.start)} to ${count(chunk.end)}`)),
    h("div", { class: "passage-text" }, chunk.text));
}
