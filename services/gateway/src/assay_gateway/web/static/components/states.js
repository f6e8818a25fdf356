// What a page shows while it waits, when there is nothing, and when something went wrong.

import { h } from "../dom.js";
import { icon } from "./icons.js";

export function loading(label = "Loading…") {
  return h("div", { class: "state state-loading", role: "status" }, h("span", { class: "spinner", "aria-hidden": "true" }), label);
}

export function empty(title, text, ...actions) {
  return h("div", { class: "state state-empty" },
    h("p", { class: "state-title" }, title), text && h("p", null, text), actions.length > 0 && h("div", { class: "actions" }, actions));
}

/** A problem with its reason, its code for a report, and a way to try again. */
export function failure(problem, { retry } = {}) {
  const marks = [problem.code, problem.requestId && `request ${problem.requestId}`].filter(Boolean).join(" · ");
  return h("div", { class: "state state-failure", role: "alert" },
    h("p", { class: "state-title" }, icon("warning"), problem.title ?? "Something went wrong"),
    h("p", null, problem.detail || problem.message),
    marks && h("p", { class: "fine" }, marks),
    retry && h("div", { class: "actions" }, h("button", { type: "button", class: "button", onclick: retry }, icon("retry"), "Try again")));
}

export function notice(kind, ...content) {
  return h("div", { class: "notice", dataset: { kind } }, icon(kind === "info" ? "info" : "warning"), h("div", null, content));
}

/** Runs `load` with a spinner in `target`; shows its result with `show`, or what went wrong with a retry. */
export async function fill(target, { load, show, signal, label }) {
  target.replaceChildren(loading(label));
  try {
    const value = await load();
    if (signal?.aborted) return;
    target.replaceChildren();
    show(value);
  } catch (problem) {
    if (signal?.aborted || problem.name === "AbortError") return;
    if (problem.code === undefined) throw problem;
    const retry = () => fill(target, { load, show, signal, label });
    target.replaceChildren(failure(problem, { retry }));
  }
}
