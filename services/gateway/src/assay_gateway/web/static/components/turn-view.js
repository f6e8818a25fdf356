// One question with its answer, drawn again whenever the turn changes.

import { VERDICTS, sign } from "../claims.js";
import { conversation } from "../conversation.js";
import { announce, h, replace } from "../dom.js";
import { milliseconds, plural, words } from "../format.js";
import { plainText, renderMarkdown } from "../markdown.js";
import { system } from "../system.js";
import { icon } from "./icons.js";
import { showPassage } from "./passage-drawer.js";
import { sourceList } from "./source-list.js";
import { failure, notice } from "./states.js";

const NO_MODEL = new Set(["generator_unavailable", "generation_unavailable"]);

export function turnView(turn, { signal }) {
  const progress = h("div", { class: "turn-progress" });
  const text = h("div", { class: "answer-text" });
  const outcome = h("div", { class: "turn-outcome" });
  const sources = h("div", { class: "turn-sources" });
  const details = h("div", { class: "turn-details" });
  const node = h("article", { class: "turn", "aria-label": `Question: ${turn.question}` },
    h("h2", { class: "question" }, turn.question),
    h("div", { class: "answer" }, progress, text, outcome, sources, details));

  const onCite = (n, opener) => showPassage({ ...turn.citations.get(n) }, opener);
  let frame = null;
  let drawn = null;
  const draw = () => {
    frame = null;
    renderMarkdown(text, shownText(turn), { claims: turn.placedClaims, citations: turn.citations, onCite });
    text.classList.toggle("is-writing", turn.status === "writing");
    const stage = [turn.status, turn.sources.length, turn.citations.size, turn.degraded.length, modelIsBack(turn)].join();
    if (stage === drawn) return;
    drawn = stage;
    replace(progress, progressLine(turn));
    replace(outcome, outcomeOf(turn));
    replace(sources, sourceList(turn, showPassage));
    replace(details, detailsLine(turn));
  };
  const schedule = () => {
    frame ??= requestAnimationFrame(draw);
  };
  turn.addEventListener("change", schedule, { signal });
  turn.addEventListener("change", stageAnnouncer(turn), { signal });
  turn.addEventListener("change", () => {
    if (NO_MODEL.has(turn.problem?.code)) system.refresh();
  }, { signal });
  system.addEventListener("change", schedule, { signal });
  draw();
  return node;
}

/** An answer of "nothing found" has its own panel; the sentence that stands for it would only repeat it. */
function shownText(turn) {
  return turn.answer?.outcome === "nothing_found" ? "" : turn.text;
}

function progressLine(turn) {
  if (!turn.running) return null;
  const label = turn.status === "writing" ? "Writing…"
    : turn.sources.length ? `Reading ${plural(turn.sources.length, "passage")}…` : "Searching the documents…";
  return h("p", { class: "progress-line" }, h("span", { class: "spinner", "aria-hidden": "true" }), label);
}

/** Screen readers hear the stages and then the whole answer: not every token. */
function stageAnnouncer(turn) {
  let said = turn.status;
  return () => {
    if (turn.status === said) return;
    said = turn.status;
    if (said === "writing") announce("The answer is being written.");
    if (said === "done") announce(`Answer: ${plainText(turn.text.replace(/\s*\[\d+\]/g, ""))} ${verdictSummary(turn)}`);
    if (said === "stopped") announce("Stopped.");
  };
}

function outcomeOf(turn) {
  const notices = turn.degraded.map((part) =>
    notice("warning", h("strong", null, `${words(part.component)}: ${words(part.mode).toLowerCase()}. `), part.reason));
  if (turn.status === "stopped") return [notices, notice("info", "You stopped this answer. What stands here is incomplete and unchecked.")];
  if (turn.status === "failed") return [notices, failed(turn)];
  if (turn.status !== "done") return notices;
  if (turn.answer.outcome === "nothing_found") return [notices, nothingFound(turn)];
  const cut = turn.answer.finish_reason === "length" && notice("info", "The answer reached its length limit and may end early.");
  return [notices, cut, verdictLine(turn)];
}

function nothingFound(turn) {
  return h("div", { class: "nothing-found" },
    h("p", { class: "state-title" }, icon("search"), "The documents do not say"),
    h("p", null, `Nothing in “${turn.collection}” answers this question well enough, so no answer was written.`,
      turn.sources.length > 0 && " The closest passages are below; they were judged too far from the question."),
    h("p", { class: "fine" }, "Try other words, another collection, or add the document that would say it."));
}

function failed(turn) {
  const retry = () => conversation.retry(turn);
  if (!NO_MODEL.has(turn.problem.code)) return failure(turn.problem, { retry });
  const ready = modelIsBack(turn);
  const cause = /load|start/i.test(turn.problem.detail) ? "still loading" : "not available";
  const found = turn.sources.length > 0 ? " Search works: the passages below were found for your question." : "";
  const text = ready ? "The language model answers again." : `The language model is ${cause}, so no answer could be written.${found}`;
  return h("div", { class: "state state-waiting", role: "status" },
    h("p", { class: "state-title" }, icon("info"), ready ? "The model is ready" : `The model is ${cause}`),
    h("p", null, text),
    !ready && turn.problem.detail && h("p", { class: "fine" }, turn.problem.detail),
    h("div", { class: "actions" }, h("button", { type: "button", class: ready ? "button button-primary" : "button", onclick: retry }, icon("retry"), "Ask again")));
}

const modelIsBack = (turn) => turn.status === "failed" && system.generatorReadySince(turn.failedAt);

function verdictSummary({ claims }) {
  if (claims.length === 0) return "";
  const supported = claims.filter((claim) => claim.verdict === "supported").length;
  if (supported === claims.length) {
    return claims.length === 1 ? "This sentence is supported by the sources." : `All ${claims.length} sentences are supported by the sources.`;
  }
  return `${supported} of ${claims.length} sentences ${supported === 1 ? "is" : "are"} supported by the sources.`;
}

function verdictLine(turn) {
  const summary = verdictSummary(turn);
  if (!summary) return null;
  const present = Object.keys(VERDICTS).filter((verdict) => turn.claims.some((claim) => claim.verdict === verdict));
  return h("div", { class: "verdict-line", dataset: { outcome: turn.answer.outcome } },
    h("p", null, summary),
    h("ul", { class: "legend", "aria-label": "Signs in this answer" },
      present.map((verdict) => h("li", null, sign(verdict), h("span", { "aria-hidden": "true" }, VERDICTS[verdict].long)))));
}

function detailsLine(turn) {
  const { answer } = turn;
  if (!answer) return null;
  const total = answer.timings_ms.total ?? Object.values(answer.timings_ms).reduce((sum, ms) => sum + ms, 0);
  const stages = Object.entries(answer.timings_ms).filter(([name]) => name !== "total");
  const cached = answer.cache === "hit";
  return h("details", { class: "details-line" },
    h("summary", null, `${milliseconds(total)}${cached ? " · from the cache" : ""} · ${answer.model || "no model"}`),
    h("dl", { class: "facts" },
      fact("Cache", { hit: "answered from it", miss: "not in it", off: "off" }[answer.cache] ?? answer.cache),
      stages.map(([name, ms]) => fact(words(name), milliseconds(ms))),
      answer.usage && fact("Tokens", `${answer.usage.prompt_tokens} read, ${answer.usage.completion_tokens} written`),
      fact("Prompt", answer.prompt_version),
      fact("Answer", answer.id)),
    cached && h("button", { type: "button", class: "button button-quiet", onclick: () => conversation.retry(turn, { cache: "refresh" }) },
      icon("retry"), "Ask again without the cache"));
}

const fact = (term, value) => h("div", null, h("dt", null, term), h("dd", null, value));
