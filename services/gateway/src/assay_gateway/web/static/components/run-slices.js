// The means of one run in parts: by question type, language, length and document type.

import { h, replace, uniqueId } from "../dom.js";
import { count, score, words } from "../format.js";
import { ordered } from "../metrics.js";

const SMALL = 10;

export function runSlices({ scores, slices }) {
  const divisions = [...new Set(Object.values(slices ?? {}).flatMap((slice) => Object.keys(slice)))].sort();
  if (divisions.length === 0) return null;
  const id = uniqueId("slices");
  const body = h("div");
  const buttons = divisions.map((by) => h("button", { type: "button", class: "filter", onclick: () => choose(by) }, words(by)));
  const choose = (chosen) => {
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(divisions[i] === chosen)));
    replace(body, table(partsOf(scores, slices, chosen), id));
  };
  choose(divisions[0]);
  return h("section", { "aria-labelledby": id }, h("h2", { id }, "In parts"),
    h("p", { class: "fine" }, `Means without the questions that failed. Parts below ${SMALL} questions say little; a comparison gives intervals.`),
    h("div", { class: "filters", role: "group", "aria-label": "Divided by" }, buttons), body);
}

/** By value of the division: its questions, and the values of each metric. */
function partsOf(scores, slices, by) {
  const parts = new Map();
  for (const { question, metric, value } of scores) {
    const name = slices[question]?.[by];
    if (name === undefined) continue;
    if (!parts.has(name)) parts.set(name, { name, questions: new Set(), values: {} });
    const part = parts.get(name);
    part.questions.add(question);
    if (value !== null) (part.values[metric] ??= []).push(value);
  }
  return [...parts.values()].sort((a, b) => b.questions.size - a.questions.size);
}

function table(parts, id) {
  const metrics = ordered([...new Set(parts.flatMap(({ values }) => Object.keys(values)))]);
  const mean = (values) => values && values.reduce((sum, value) => sum + value, 0) / values.length;
  return h("div", { class: "table-scroll", tabindex: "0", role: "group", "aria-labelledby": id }, h("table", { class: "table" },
    h("thead", null, h("tr", null, h("th", { scope: "col" }, "Part"), ["Questions", ...metrics.map(words)].map((label) => h("th", { scope: "col", class: "number" }, label)))),
    h("tbody", null, parts.map(({ name, questions, values }) => h("tr", null,
      h("th", { scope: "row" }, name, questions.size < SMALL && h("span", { class: "fine" }, " small")),
      h("td", { class: "number" }, count(questions.size)),
      metrics.map((metric) => h("td", { class: "number" }, score(mean(values[metric])))))))));
}
