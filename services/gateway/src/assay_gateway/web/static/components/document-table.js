// The documents of one page of the list. On narrow screens each row becomes a card.

import { h } from "../dom.js";
import { bytes, count, dateTime } from "../format.js";
import { icon } from "./icons.js";
import { stateBadge } from "./state-badge.js";

const COLUMNS = ["Name", "State", "Version", "Pages", "Chunks", "Size", "Changed"];

export function documentTable(documents, { onDelete, onRetry }) {
  return h("table", { class: "table document-table" },
    h("thead", null, h("tr", null,
      COLUMNS.map((label, i) => h("th", { scope: "col", class: i >= 2 && i <= 5 ? "number" : "" }, label)),
      h("th", { scope: "col" }, h("span", { class: "visually-hidden" }, "Actions")))),
    h("tbody", null, documents.map((document) => row(document, { onDelete, onRetry }))));
}

function row(document, { onDelete, onRetry }) {
  const { id, name, state, version, live_version: live, error, error_code: code } = document;
  const older = state === "failed" && live && live !== version;
  return h("tr", null,
    h("td", { class: "document-name" },
      h("a", { href: `/ui/documents/${encodeURIComponent(id)}` }, name),
      error && h("p", { class: "row-error" }, error, code && h("span", { class: "fine" }, ` (${code})`)),
      older && h("p", { class: "fine" }, `Version ${live} still answers.`)),
    h("td", { dataset: { label: "State" } }, stateBadge(state, document.progress)),
    cell("Version", version), cell("Pages", count(document.pages)), cell("Chunks", count(document.chunks)), cell("Size", bytes(document.size_bytes)),
    h("td", { dataset: { label: "Changed" } }, h("time", { datetime: document.updated_at }, dateTime(document.updated_at))),
    h("td", { class: "row-actions" },
      state === "failed" && h("button", { type: "button", class: "icon-button", "aria-label": `Try ${name} again`, title: "Try again", onclick: () => onRetry(document) }, icon("retry")),
      h("button", { type: "button", class: "icon-button", "aria-label": `Delete ${name}`, title: "Delete", onclick: () => onDelete(document) }, icon("trash"))));
}

const cell = (label, value) => h("td", { class: "number", dataset: { label } }, value);
