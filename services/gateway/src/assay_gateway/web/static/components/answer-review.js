// An answer for who reviews it: its claims with the judge's verdicts beside the passages, labels for claims, and the way
// into a golden set.

import { api } from "../api.js";
import { VERDICTS, sign } from "../claims.js";
import { announce, h, replace, uniqueId } from "../dom.js";
import { percent } from "../format.js";
import { field, formDialog } from "./dialog.js";
import { icon } from "./icons.js";
import { failure } from "./states.js";

export const LABELS = { supported: "Supported", contradicted: "Contradicted", not_enough: "Not enough said" };

export function answerReview(answer, labels, { collection }) {
  const passages = new Map(answer.sources.map((source) => [source.chunk_id, passage(source, answer)]));
  const point = (claim) => {
    const cited = answer.citations.filter(({ n }) => claim?.citations.includes(n)).map((citation) => citation.chunk_id);
    for (const [chunk, node] of passages) node.classList.toggle("is-pointed", cited.includes(chunk));
  };
  const given = new Map(labels.map(({ claim, label }) => [claim, label]));
  const problem = h("div");
  const onLabel = async (claim, label) => {
    given.set(claim, label);
    replace(problem);
    try {
      await api.putLabels(answer.id, [...given].map(([n, value]) => ({ claim: n, label: value })));
      announce("The label is kept.");
    } catch (error) {
      replace(problem, failure(error));
    }
  };
  const goTo = (n) => {
    const cited = answer.citations.find((citation) => citation.n === n);
    passages.get(cited?.chunk_id)?.focus();
  };
  const claims = answer.claims.map((claim, n) => claimItem(claim, { label: given.get(n), onLabel: (label) => onLabel(n, label), onPoint: point, goTo }));
  return h("div", null,
    h("div", { class: "side-by-side" },
      h("div", null, h("h3", null, "Sentences and verdicts"), answer.claims.length > 0 ? h("ol", { class: "claim-list" }, claims) : h("p", null, answer.answer || "No answer was written.")),
      h("div", null, h("h3", null, "Passages that the model was given"), h("ol", { class: "passage-list" }, [...passages.values()]))),
    problem, addButton(answer, collection));
}

function claimItem(claim, { label, onLabel, onPoint, goTo }) {
  const { long } = VERDICTS[claim.verdict] ?? VERDICTS.unverified;
  const probability = claim.probability === null ? "" : `, ${percent(claim.probability)} sure`;
  return h("li", { class: "claim-item", dataset: { verdict: claim.verdict }, onpointerenter: () => onPoint(claim), onfocusin: () => onPoint(claim), onpointerleave: () => onPoint(null) },
    h("p", null, claim.text),
    h("div", { class: "claim-verdict" }, sign(claim.verdict), h("span", null, `${long}${probability}`),
      claim.citations.map((n) => h("button", { type: "button", class: "cite cite-link", "aria-label": `Go to passage ${n}`, onclick: () => goTo(n) }, n))),
    labelChoice(label, onLabel));
}

function labelChoice(chosen, onLabel) {
  const name = uniqueId("label");
  return h("fieldset", { class: "claim-label" }, h("legend", null, "Your label"),
    h("div", { class: "checks" }, Object.entries(LABELS).map(([value, text]) =>
      h("label", { class: "check" }, h("input", { type: "radio", name, value, checked: value === chosen, onchange: () => onLabel(value) }), text))));
}

function passage(source, { citations }) {
  const numbers = citations.filter(({ chunk_id: chunk }) => chunk === source.chunk_id).map(({ n }) => n);
  const where = [source.heading, source.page && `page ${source.page}`].filter(Boolean).join(" · ");
  return h("li", { class: "passage-item", tabindex: "-1" },
    h("div", { class: "passage-name" }, numbers.map((n) => [h("span", { class: "cite cite-static" }, n), " "]), source.document_name, where && ` · ${where}`),
    h("p", null, source.text));
}

function addButton(answer, collection) {
  const said = h("span", { class: "fine", role: "status" });
  const onclick = async () => {
    const stored = await addToGoldenSet(answer, collection);
    if (stored) replace(said, `Added to ${stored.dataset}, version ${stored.version}.`);
  };
  return h("div", { class: "actions" }, h("button", { type: "button", class: "button", onclick }, icon("plus"), "Add to a golden set"), said);
}

/** Asks what would have been right, and makes a case of it. Resolves to the golden set, or to null. */
function addToGoldenSet(answer, collection) {
  const dataset = h("input", { type: "text", required: true, value: "golden", maxlength: 100, autocomplete: "off" });
  const question = h("textarea", { rows: 2, required: true, maxlength: 8000 }, answer.question);
  const right = h("textarea", { rows: 3, maxlength: 8000 });
  const cited = new Set(answer.citations.map(({ chunk_id: chunk }) => chunk));
  const places = answer.sources.map((source) => ({ source, box: h("input", { type: "checkbox", checked: cited.has(source.chunk_id) }) }));
  const submit = () => {
    const passages = places.filter(({ box }) => box.checked).map(({ source }) => ({ document: source.document_name, quote: source.text }));
    const answerable = passages.length > 0;
    const text = right.value.trim();
    if (answerable && !text) throw new Error("Say what the right answer is, or untick every passage if the documents do not tell.");
    return api.addQuestions(collection, dataset.value.trim(), [{ id: `review-${answer.id}`, question: question.value.trim(), answer: answerable ? text : "", answerable, passages, type: "review" }]);
  };
  return formDialog({
    title: "Add to a golden set",
    action: "Add",
    fields: [
      field("Golden set", dataset, "A new version of it is made"), field("Question", question, "Leave out what tells of persons"),
      field("Right answer", right, "As the documents tell it; empty if they do not"),
      h("fieldset", { class: "claim-label" }, h("legend", null, "Passages that tell it; none: the documents do not"), places.map(({ source, box }) => h("label", { class: "check" }, box, `${source.document_name}${source.page ? `, page ${source.page}` : ""}: ${source.text.slice(0, 60)}…`))),
    ],
    submit: async () => submit(),
  });
}
