// One night of evaluation: what it has to say, what it measured, and what it could not.

import { api } from "../api.js";
import { icon } from "../components/icons.js";
import { severityBadge } from "../components/night-table.js";
import { empty, fill } from "../components/states.js";
import { h, replace } from "../dom.js";
import { date, dateTime, words } from "../format.js";
import { figureValue, figureWords, nightTime } from "../nights.js";

export function render({ main, params, signal }) {
  const body = h("div");
  const back = `/ui/evaluations/nights?${new URLSearchParams({ collection: params.collection })}`;
  replace(main, h("p", { class: "crumb" }, h("a", { href: back }, icon("left"), "Nights")), body);
  fill(body, { signal, load: () => api.night(params.collection, params.night, { signal }), show: (night) => body.append(nightDetail(night)) });
}

function nightDetail(night) {
  return h("div", null,
    h("div", { class: "page-head" }, h("h1", null, `Night of ${date(nightTime(night.night))}`)),
    h("dl", { class: "facts facts-wide" },
      fact("Collection", night.collection), fact("Closed", dateTime(night.closed_at)),
      fact("Done", night.caught_up ? "later: the night itself was missed" : "on the night"),
      fact("Runs", night.runs.length === 0 ? "none" : night.runs.map((run, i) => [i > 0 && ", ", h("a", { href: `/ui/evaluations?${new URLSearchParams({ run })}` }, `run ${i + 1}`)]))),
    remarks(night), unmeasured(night), figures(night));
}

const fact = (term, value) => h("div", null, h("dt", null, term), h("dd", null, value));

function remarks({ remarks: found }) {
  return h("section", { "aria-labelledby": "remarks-heading" }, h("h2", { id: "remarks-heading" }, "Remarks"),
    found.length === 0 ? empty("A quiet night", "Nothing moved by more than chance explains.")
      : h("ul", { class: "remarks" }, found.map(remark)));
}

function remark({ severity, about, sentence, causes, figures: numbers }) {
  return h("li", { class: "remark", dataset: { severity } },
    h("div", { class: "remark-head" }, severityBadge(severity), h("span", { class: "remark-about" }, words(about))),
    h("p", { class: "remark-sentence" }, sentence),
    causes.length > 0 && h("p", { class: "remark-causes" }, h("strong", null, causes.length === 1 ? "Likely cause: " : "Likely causes: "), causes.map(words).join(", then ").toLowerCase()),
    Object.keys(numbers).length > 0 && h("p", { class: "fine" }, Object.entries(numbers).map(([name, value]) => `${name.length === 1 ? name : words(name)} ${figureValue(value)}`).join(" · ")));
}

function unmeasured({ failures }) {
  const all = Object.entries(failures);
  if (all.length === 0) return null;
  return h("section", { "aria-labelledby": "unmeasured-heading" }, h("h2", { id: "unmeasured-heading" }, "What could not be measured"),
    h("dl", { class: "unmeasured" }, all.map(([what, why]) => h("div", null, h("dt", null, words(what)), h("dd", null, why)))));
}

function figures({ figures: found }) {
  const names = Object.keys(found).sort();
  if (names.length === 0) return null;
  return h("section", { "aria-labelledby": "measured-heading" }, h("h2", { id: "measured-heading" }, "What was measured"),
    h("table", { class: "table figure-table" },
      h("thead", { class: "visually-hidden" }, h("tr", null, h("th", { scope: "col" }, "Figure"), h("th", { scope: "col" }, "Value"))),
      h("tbody", null, names.map((name) => h("tr", null, h("th", { scope: "row" }, figureWords(name)), h("td", { class: "number" }, figureValue(found[name])))))));
}
