// Where files are dropped or picked, and how far each one is.

import { announce, h, replace, uniqueId } from "../dom.js";
import { bytes, percent, plural } from "../format.js";
import { filesOfDrop, filesOfInput, uploads } from "../uploads.js";
import { icon } from "./icons.js";
import { stateBadge } from "./state-badge.js";

const SHOWN = 50;

export function uploadPanel({ collection, signal, onDone }) {
  const add = (files) => files.length && uploads.add(collection(), files);
  const node = h("section", { class: "upload", "aria-label": "Add documents" }, dropZone(add));
  const list = h("div", { class: "upload-list" });
  node.append(list);

  const rows = new Map();
  const draw = () => {
    const items = uploads.items.filter((item) => item.collection === collection());
    replace(list, items.length > 0 && listHead(items), h("ul", null, items.slice(0, SHOWN).map((item) => rowOf(rows, item))),
      items.length > SHOWN && h("p", { class: "fine" }, `and ${items.length - SHOWN} more`));
  };
  const onChange = ({ detail: item }) => {
    if (!item || !rows.has(item)) draw();
    else if (rows.get(item).phase !== item.phase) {
      draw();
      say(item);
    } else rows.get(item).update(item);
    if (item?.finished) onDone();
  };
  uploads.addEventListener("change", onChange, { signal });
  draw();
  return { node, draw };
}

function dropZone(add) {
  const pick = (props) => {
    const id = uniqueId("files");
    const input = h("input", { type: "file", id, class: "visually-hidden", multiple: true, ...props, onchange: () => {
      add(filesOfInput(input));
      input.value = "";
    } });
    return input;
  };
  const files = pick({ "aria-label": "Choose files to add" });
  const zone = h("div", { class: "drop" }, icon("upload"),
    h("p", null, h("strong", null, "Drop files or folders here"), " or "),
    h("label", { class: "button", for: files.id }, "Choose files"), files,
    h("p", { class: "fine" }, "PDF, Word, PowerPoint, Excel, OpenDocument, HTML, Markdown, mail, EPUB, text and data. A file with the name of a stored document becomes its new version."));
  const over = (on) => (event) => {
    event.preventDefault();
    zone.classList.toggle("is-over", on);
  };
  zone.addEventListener("dragenter", over(true));
  zone.addEventListener("dragover", over(true));
  zone.addEventListener("dragleave", over(false));
  zone.addEventListener("drop", async (event) => {
    over(false)(event);
    add(await filesOfDrop(event.dataTransfer));
  });
  return zone;
}

function listHead(items) {
  const open = items.filter((item) => !item.finished).length;
  const failed = items.filter((item) => item.phase === "failed").length;
  const text = open ? `${plural(open, "file")} on the way` : `${plural(items.length, "file")} done`;
  return h("div", { class: "upload-head" },
    h("p", null, text, failed > 0 && `, ${failed} failed`),
    items.some((item) => item.finished) && h("button", { type: "button", class: "button button-quiet", onclick: () => uploads.clearFinished() }, "Clear finished"));
}

function rowOf(rows, item) {
  const known = rows.get(item);
  if (known?.phase === item.phase) return known.node;
  const made = uploadRow(item);
  rows.set(item, made);
  return made.node;
}

function uploadRow(item) {
  const bar = h("progress", { max: 1, "aria-label": `Progress of ${item.name}` });
  const status = h("span", { class: "upload-status" });
  const moving = item.phase === "uploading" || item.phase === "ingesting";
  const node = h("li", { class: "upload-row", dataset: { phase: item.phase } },
    h("div", { class: "upload-name" }, h("span", { class: "clip" }, item.name), h("span", { class: "fine" }, bytes(item.file.size))),
    h("div", { class: "upload-state" }, status, moving && bar, actionsOf(item)),
    item.phase === "failed" && h("p", { class: "upload-error" }, item.problem.detail || item.problem.title, item.problem.code && h("span", { class: "fine" }, ` (${item.problem.code})`)));
  const update = ({ phase, fraction, state, headway }) => {
    bar.value = fraction;
    if (phase === "uploading") replace(status, `Uploading, ${percent(fraction)}`);
    else if (phase === "ingesting") replace(status, stateBadge(state ?? "received", fraction), headway && h("span", { class: "fine" }, ` ${headway}`));
    else replace(status, stateBadge(phase));
  };
  update(item);
  return { node, update, phase: item.phase };
}

function actionsOf(item) {
  const button = (label, onclick) => h("button", { type: "button", class: "button button-quiet", "aria-label": `${label}: ${item.name}`, onclick }, label);
  if (item.phase === "waiting" || item.phase === "uploading") return button("Cancel", () => uploads.cancel(item));
  if (item.phase === "cancelled" || item.phase === "failed") return button("Try again", () => uploads.retry(item));
  return item.document && h("a", { class: "button button-quiet", href: `/ui/documents/${encodeURIComponent(item.document)}` }, "Open");
}

function say(item) {
  if (item.phase === "ready") announce(`${item.name} is ready.`);
  if (item.phase === "failed") announce(`${item.name} failed: ${item.problem.detail}`);
}
