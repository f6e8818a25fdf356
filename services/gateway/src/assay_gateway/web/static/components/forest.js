// Differences of metrics with their 95 % intervals about a line at zero, each with its numbers and its verdict in words.

import { h, svg } from "../dom.js";
import { plural, score, shortest, signed, words } from "../format.js";
import { icon } from "./icons.js";

const SIGNS = { worse: "cross", better: "check", "no difference seen": "dash", "not decided": "dash" };

/**
 * `rows`: [{name, metric}], where a metric has a finding, difference, low and high. `shared`: one scale for all rows.
 * `numbers` tells a metric beside its bar, `legend` how to read the bars: by default a MetricComparison of the API.
 */
export function forest(rows, { shared = true, numbers = compared, legend = null } = {}) {
  const reaches = rows.map(({ metric }) => Math.max(...[metric.low, metric.high, metric.difference].map((value) => Math.abs(value ?? 0))));
  const all = Math.max(...reaches) || 1;
  return h("div", null,
    h("ul", { class: "forest" }, rows.map(({ name, metric }, i) => row({ name, metric, reach: shared ? all : reaches[i] || 1, numbers }))),
    h("p", { class: "fine" }, legend ?? (shared
      ? `Left of the dashed line is less than the baseline, right of it more; the ends stand for ±${shortest(all)}. Bars are 95 % intervals.`
      : "Left of the dashed line is less than the baseline, right of it more. Bars are 95 % intervals, each row on its own scale.")));
}

function row({ name, metric, reach, numbers }) {
  return h("li", { class: "forest-row", dataset: { finding: metric.finding } },
    h("span", { class: "forest-name" }, name, h("span", { class: "forest-finding" }, icon(SIGNS[metric.finding] ?? "question"), metric.finding)),
    h("span", { class: "forest-plot-cell" }, metric.difference !== null && plot(metric, reach)),
    h("span", { class: "forest-numbers" }, numbers(metric)));
}

function compared({ difference, low, high, baseline, run, p_adjusted: p, effect, smallest_drop: smallest, questions }) {
  if (difference === null) return `${plural(questions, "question")} in common: too few`;
  return [
    h("strong", null, signed(difference)), low !== null && ` (${signed(low)} to ${signed(high)})`,
    h("br"), `${score(baseline)} → ${score(run)}, ${plural(questions, "question")}`,
    h("br"), `p ${p === null ? "–" : p < 0.001 ? "< 0.001" : `= ${p.toFixed(3)}`}, effect ${signed(effect)}`,
    h("br"), smallest === null ? "no drop could have been found" : `a drop of ${shortest(smallest)} could have been found`,
  ];
}

function plot({ difference, low, high }, reach) {
  const x = (value) => 100 + (value / reach) * 96;
  const line = (name, x1, x2, y1, y2) => svg("line", { class: name, x1, x2, y1, y2 });
  return svg("svg", { class: "forest-plot", viewBox: "0 0 200 26", "aria-hidden": "true", preserveAspectRatio: "none" },
    line("forest-axis", 2, 198, 13, 13), line("forest-zero", 100, 100, 0, 26),
    low !== null && line("forest-range", x(low), x(high), 13, 13),
    line("forest-point", x(difference), x(difference), 4, 22));
}

/** Rows of metrics that are told of in the same unit: those between 0 and 1 first, then each other one by itself. */
export function comparisonForest(metrics) {
  const rows = (some) => some.map((metric) => ({ name: words(metric.metric), metric }));
  const inUnit = (metric) => [metric.baseline, metric.run].every((value) => value === null || (value >= 0 && value <= 1));
  const shares = metrics.filter(inUnit);
  const others = metrics.filter((metric) => !inUnit(metric));
  return [shares.length > 0 && forest(rows(shares)), others.length > 0 && forest(rows(others), { shared: false })];
}
