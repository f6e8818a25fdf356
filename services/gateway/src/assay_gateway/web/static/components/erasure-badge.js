// How far a deletion is: a word with a sign, never colour alone.

import { h } from "../dom.js";
import { stage, WORDS } from "../erasures.js";
import { icon } from "./icons.js";

const SIGNS = { held: "lock", complete: "check", proven: "shield" };

export function erasureBadge(erasure) {
  const now = stage(erasure);
  return h("span", { class: "badge", dataset: { erasure: now } },
    SIGNS[now] ? icon(SIGNS[now]) : h("span", { class: "spinner", "aria-hidden": "true" }), WORDS[now] ?? now);
}

export const heldBadge = () => h("span", { class: "badge", dataset: { erasure: "held" } }, icon("lock"), WORDS.held);
