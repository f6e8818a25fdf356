// The documents of one page of the list. On narrow screens each row becomes a card.

import { h } from "../dom.js";
import { bytes, count, dateTime } from "../format.js";
import { icon } from "./icons.js";
import { stateBadge } from "./state-badge.js";

const COLUMNS = ["Name", "State", "Version", "Pages", "Chunks", "Size", "Changed"];

/** `selection`, if given, makes the box of each row. */
export function documentTable(documents, { onDelete, onRetry, selection = null }) {
  return h("table", { class: selection ? "table document-table is-selectable" : "table document-table" },
    h("thead", null, h("tr", null,
      selection && h("th", { scope: "col" }, h("span", { class: "visually-hidden" }, "Select")),
      COLUMNS.map((label, i) => h("th", { scope: "col", class: i >= 2 && i <= 5 ? "number" : "" }, label)),
      h("th", { scope: "col" }, h("span", { class: "visually-hidden" }, "Actions")))),
    h("tbody", null, documents.map((document) => row(document, { onDelete, onRetry, selection }))));
}

function row(document, { onDelete, onRetry, selection }) {
  const { id, name, state, version, live_version: live, error, error_code: code } = document;
  const older = state === "failed" && live && live !== version;
  return h("tr", null,
    selection && h("td", { class: "select-cell" }, selection.box(document)),
    h("td", { class: "document-name" },
      h("a", { href: `/ui/documents/${encodeURIComponent(id)}`, dataset: { key: `open ${id}` } }, name),
      error && h("p", { class: "row-error" }, error, code && h("span", { class: "fine" }, ` (${code})`)),
      older && h("p", { class: "fine" }, `Version ${live} still answers.`)),
    h("td", { dataset: { label: "State" } }, stateBadge(state, document.progress)),
    cell("Version", version), cell("Pages", count(document.pages)), cell("Chunks", count(document.chunks)), cell("Size", bytes(document.size_bytes)),
    h("td", { dataset: { label: "Changed" } }, h("time", { datetime: document.updated_at }, dateTime(document.updated_at))),
    h("td", { class: "row-actions" },
      state === "failed" && h("button", { type: "button", class: "icon-button", "aria-label": `Try ${name} again`, title: "Try again", dataset: { key: `retry ${id}` }, onclick: () => onRetry(document) }, icon("retry")),
      h("button", { type: "button", class: "icon-button", "aria-label": `Delete ${name}`, title: "Delete", dataset: { key: `delete ${id}` }, onclick: () => onDelete(document) }, icon("trash"))));
}

const cell = (label, value) => h("td", { class: "number", dataset: { label } }, value);
