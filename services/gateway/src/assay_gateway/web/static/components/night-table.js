// Nights of evaluation, newest first, with what they had to say.

import { h } from "../dom.js";
import { date } from "../format.js";
import { gravest, nightPath, nightTime, remarkCounts } from "../nights.js";
import { icon } from "./icons.js";

const SIGNS = { alarm: "warning", warning: "warning", note: "info", quiet: "check" };

export function severityBadge(severity, text = severity) {
  return h("span", { class: "badge", dataset: { severity } }, icon(SIGNS[severity] ?? "info"), text);
}

export function nightTable(nights, { withCollection }) {
  const newest = [...nights].sort((a, b) => b.night.localeCompare(a.night) || a.collection.localeCompare(b.collection));
  return h("ul", { class: "nights" }, newest.map((night) => h("li", { class: "night" },
    h("div", { class: "night-head" },
      h("a", { href: nightPath(night), class: "night-date" }, date(nightTime(night.night))),
      withCollection && h("span", { class: "fine" }, night.collection),
      severityBadge(gravest(night), gravest(night) === "quiet" ? "quiet" : remarkCounts(night)),
      night.caught_up && h("span", { class: "fine" }, "caught up later")),
    night.remarks.slice(0, 2).map(({ sentence }) => h("p", { class: "night-sentence" }, sentence)),
    night.remarks.length > 2 && h("p", { class: "fine" }, `and ${night.remarks.length - 2} more`),
    Object.keys(night.failures).length > 0 && h("p", { class: "fine" }, `Not measured: ${Object.keys(night.failures).join(", ")}`))));
}
