// One line on the state of the system, and a table of its parts behind it.

import { h, replace } from "../dom.js";
import { count, words } from "../format.js";
import { system } from "../system.js";
import { icon } from "./icons.js";
import { openDialog } from "./dialog.js";

export function systemIndicator() {
  const dot = h("span", { class: "system-dot", "aria-hidden": "true" });
  const text = h("span", { class: "system-text" }, "Asking…");
  const button = h("button", { type: "button", class: "system", onclick: showParts }, dot, text);
  const draw = () => {
    const { level, label } = summary();
    button.dataset.level = level;
    text.textContent = label;
    button.setAttribute("aria-label", `System: ${label}. Show the parts`);
    button.title = label;
  };
  system.addEventListener("change", draw);
  draw();
  return button;
}

function summary() {
  if (system.problem) return { level: "bad", label: "Not reachable" };
  if (!system.state) return { level: "wait", label: "Checking…" };
  const { waiting } = system;
  if (waiting.length === 0) return { level: "ok", label: "Ready" };
  if (waiting.length === 1 && waiting[0] === "generator") return { level: "wait", label: "Model loading" };
  return { level: waiting.includes("retrieval") ? "bad" : "wait", label: `Not ready: ${waiting.join(", ")}` };
}

function showParts() {
  return openDialog("State of the system", (close, signal) => {
    const body = h("div");
    const draw = () => replace(body, system.problem ? h("p", null, system.problem.detail) : partsTable());
    system.addEventListener("change", draw, { signal });
    draw();
    system.refresh();
    return h("div", null, body,
      h("div", { class: "actions actions-end" }, h("button", { type: "button", class: "button", onclick: () => close(null) }, "Close")));
  });
}

function partsTable() {
  if (!system.state) return h("p", null, "Checking…");
  const { version, parts } = system.state;
  const { ingestion = {}, ...services } = parts;
  const rows = Object.entries(services).map(([name, part]) => h("tr", null,
    h("th", { scope: "row" }, words(name)),
    h("td", null, h("span", { class: "badge", dataset: { state: part.ready ? "ready" : "waiting" } },
      icon(part.ready ? "check" : "dash"), part.ready ? "ready" : "not ready")),
    h("td", null, part.detail ?? "")));
  return [
    h("div", { class: "table-scroll" }, h("table", { class: "table" },
      h("thead", null, h("tr", null, ["Part", "State", "Detail"].map((t) => h("th", { scope: "col" }, t)))),
      h("tbody", null, rows))),
    h("p", { class: "fine" },
      `Ingestion: ${count(ingestion.waiting ?? 0)} waiting, ${count(ingestion.working ?? 0)} working, ${count(ingestion.dead ?? 0)} given up. `,
      `Version ${version}.`),
  ];
}
