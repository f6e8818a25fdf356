// The state of a document, an upload or a run: a word with a sign, never colour alone.

import { h } from "../dom.js";
import { percent } from "../format.js";
import { icon } from "./icons.js";

const SIGNS = { ready: "check", stopped: "warning", unchanged: "check", done: "check", failed: "cross", cancelled: "dash" };
const WORDS = { unchanged: "unchanged", received: "queued", waiting: "waiting" };

export function stateBadge(state, progress = null) {
  const moving = !SIGNS[state] && state !== "waiting";
  const far = moving && progress ? ` ${percent(progress)}` : "";
  return h("span", { class: "badge", dataset: { state } },
    SIGNS[state] ? icon(SIGNS[state]) : h("span", { class: moving ? "spinner" : "badge-dot", "aria-hidden": "true" }),
    WORDS[state] ?? state, far);
}

export const isFinal = (state) => state === "ready" || state === "failed";
