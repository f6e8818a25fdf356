// How far the judge agrees with people, from the labels that they gave.

import { agreement, decisions } from "../agreement.js";
import { api } from "../api.js";
import { LABELS } from "../components/answer-review.js";
import { collectionPicker, loadCollections } from "../components/collection-picker.js";
import { evaluationTabs } from "../components/evaluation-tabs.js";
import { empty, fill } from "../components/states.js";
import { h, replace } from "../dom.js";
import { count, plural, score } from "../format.js";
import { navigate } from "../router.js";

const HERE = "/ui/evaluations/judges";

export function render({ main, query, signal }) {
  const tools = h("div", { class: "page-tools" });
  const body = h("div");
  replace(main, h("div", { class: "page-head" }, h("h1", null, "Judges"), tools), evaluationTabs(HERE), body);
  fill(body, {
    signal,
    load: async () => {
      const found = await loadCollections({ wanted: query.collection, signal });
      return { ...found, claims: await api.labelledClaims({ collection: query.collection }, { signal }) };
    },
    show: ({ collections, claims }) => {
      const onChange = (name) => navigate(name ? `${HERE}?${new URLSearchParams({ collection: name })}` : HERE);
      if (collections.length > 0) replace(tools, collectionPicker({ collections, current: query.collection, onChange, all: true, counts: false }));
      if (claims.length === 0) return body.append(empty("No labels yet", "Label sentences of answers on the page “Worst answers” of a run. What the judge said of them is held against it here."));
      return body.append(shown(agreement(claims), decisions(claims)));
    },
  });
}

function shown(found, decided) {
  const { n, share, interval, kappa, failures } = found;
  return h("div", null,
    h("p", null, `What the judge said when ${n === 1 ? "the sentence was" : "the sentences were"} written, against what people say of them.`),
    h("ul", { class: "figures" },
      figure("Labelled sentences", count(n), failures > 0 ? `${count(failures)} more could not be checked` : "all were checked"),
      figure("Agreement", score(share), interval ? `${score(interval[0])} to ${score(interval[1])} (95 %)` : "no sentence yet"),
      figure("Cohen’s kappa", score(kappa), kappa === null ? "needs more than one kind of label" : "0: no better than chance")),
    confusion(found), perClass(found), asDecision(decided), calibration(decided));
}

const figure = (name, value, note) => h("li", { class: "figure" }, h("span", { class: "figure-name" }, name), h("span", { class: "figure-value" }, value), h("span", { class: "fine" }, note));

function confusion({ table, classes }) {
  return h("section", { "aria-labelledby": "confusion-heading" }, h("h2", { id: "confusion-heading" }, "Who said what"),
    h("div", { class: "table-scroll", tabindex: "0", role: "group", "aria-labelledby": "confusion-heading" }, h("table", { class: "table agreement-table" },
      h("thead", null, h("tr", null, h("th", { scope: "col" }, "People say"), classes.map((name) => h("th", { scope: "col", class: "number" }, `Judge: ${LABELS[name].toLowerCase()}`)))),
      h("tbody", null, classes.map((label) => h("tr", null, h("th", { scope: "row" }, LABELS[label]),
        classes.map((verdict) => h("td", { class: label === verdict ? "number is-same" : "number" }, count(table[label][verdict])))))))));
}

function perClass({ perClass: rows }) {
  return h("section", { "aria-labelledby": "classes-heading" }, h("h2", { id: "classes-heading" }, "By kind"),
    h("div", { class: "table-scroll", tabindex: "0", role: "group", "aria-labelledby": "classes-heading" }, h("table", { class: "table agreement-table" },
      h("thead", null, h("tr", null, h("th", { scope: "col" }, "Kind"), ["Labelled", "Precision", "Recall", "F1"].map((label) => h("th", { scope: "col", class: "number" }, label)))),
      h("tbody", null, rows.map(({ name, labelled, precision, recall, f1 }) => h("tr", null, h("th", { scope: "row" }, LABELS[name]), h("td", { class: "number" }, count(labelled)),
        [precision, recall, f1].map((value) => h("td", { class: "number" }, score(value)))))))));
}

const FIGURES = [
  ["Precision", "precision", "of what the judge did not find supported"],
  ["Recall", "recall", "of what people did not find supported"],
  ["F1", "f1", "of both"],
  ["Balanced accuracy", "balancedAccuracy", "0.5: no better than chance"],
  ["AUC", "auc", "of the ranking; 0.5: no better than chance"],
  ["Cohen’s kappa", "kappa", "0: no better than chance"],
  ["Calibration error", "ece", "mean gap of probability and share (ECE)"],
  ["Brier score", "brier", "0: always sure and right"],
];

function asDecision({ n, ties, bare, failures, pairs, agreeing, figures }) {
  const left = [[ties, "on which people disagree"], [bare, "without passages"], [failures, "that could not be checked"]].filter(([many]) => many > 0);
  return h("section", { "aria-labelledby": "decision-heading" }, h("h2", { id: "decision-heading" }, "Supported or not"),
    h("p", null, `${plural(n, "sentence")}, each decided by the majority of its labels.`,
      left.length > 0 ? ` In no figure: ${left.map(([many, why]) => `${count(many)} ${why}`).join(", ")}.` : null,
      pairs > 0 ? ` Two people gave the same sentence the same label in ${count(agreeing)} of ${count(pairs)} cases.` : null),
    figures ? h("ul", { class: "figures" }, FIGURES.map(([name, key, note]) => figure(name, score(figures[key]), note))) : null,
    h("p", { class: "fine" }, "Other judges on these labels, with their time and cost: ", h("code", null, "assay eval judges"), "."));
}

function calibration({ bins }) {
  if (bins.length === 0) return null;
  return h("section", { "aria-labelledby": "calibration-heading" }, h("h2", { id: "calibration-heading" }, "How sure, and how often right"),
    h("div", { class: "table-scroll", tabindex: "0", role: "group", "aria-labelledby": "calibration-heading" }, h("table", { class: "table agreement-table" },
      h("thead", null, h("tr", null, h("th", { scope: "col" }, "Judge: probability that it is not supported"), ["Sentences", "Mean probability", "People: not supported"].map((label) => h("th", { scope: "col", class: "number" }, label)))),
      h("tbody", null, bins.map(({ from, to, n, said, share }) => h("tr", null, h("th", { scope: "row" }, `${from} to ${to}`),
        [count(n), score(said), score(share)].map((value) => h("td", { class: "number" }, value))))))));
}
