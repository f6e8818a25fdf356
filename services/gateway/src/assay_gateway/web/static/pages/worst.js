// The answers of a run with the lowest scores: question, claims with verdicts, and passages side by side.

import { api } from "../api.js";
import { answerReview } from "../components/answer-review.js";
import { icon } from "../components/icons.js";
import { empty, fill } from "../components/states.js";
import { h, replace, uniqueId } from "../dom.js";
import { dateTime, score, words } from "../format.js";
import { ordered } from "../metrics.js";
import { remember } from "../router.js";
import { may } from "../session.js";

const SHOWN = 10;
const NOT_QUALITY = new Set(["latency_ms", "tokens", "confidence"]);

export function render({ main, query, signal }) {
  const body = h("div");
  const back = query.run ? `/ui/evaluations?${new URLSearchParams({ run: query.run })}` : "/ui/evaluations";
  replace(main, h("p", { class: "crumb" }, h("a", { href: back }, icon("left"), "Run")), h("div", { class: "page-head" }, h("h1", null, "Worst answers")), body);
  if (!may("evaluator")) return body.append(empty("For evaluators", "Who reads what others were answered needs the role “evaluator”; an administrator gives it."));
  if (!query.run) return body.append(empty("No run was chosen", "Open a run and choose “Worst answers”."));
  return fill(body, { signal, load: () => api.run(query.run, { signal }), show: (run) => body.append(new WorstAnswers(run, query.metric, signal).node) });
}

class WorstAnswers {
  constructor(run, metric, signal) {
    Object.assign(this, { run, signal });
    const metrics = ordered([...new Set(run.scores.map((one) => one.metric))].filter((name) => !NOT_QUALITY.has(name)));
    const id = uniqueId("metric");
    const first = metrics.includes(metric) ? metric : metrics.includes("groundedness") ? "groundedness" : metrics[0];
    this.select = h("select", { id, onchange: () => this.#draw(SHOWN) }, metrics.map((name) => h("option", { value: name, selected: name === first }, words(name))));
    this.list = h("div");
    this.node = h("div", null,
      h("p", { class: "fine" }, `Run of ${dateTime(run.started_at)} · ${run.collection} · ${run.dataset} · judge ${run.judge}`),
      h("div", { class: "compare-form" }, h("div", { class: "picker" }, h("label", { for: id }, "Lowest by"), this.select)), this.list);
    this.#draw(SHOWN);
  }

  #draw(most) {
    const metric = this.select.value;
    remember({ run: this.run.id, metric });
    const answers = this.run.answers ?? {};
    const lowest = this.run.scores.filter((one) => one.metric === metric && one.value !== null).sort((a, b) => a.value - b.value);
    if (lowest.length === 0) return replace(this.list, empty("No scores", "No question of this run has a value of this metric."));
    return replace(this.list,
      h("ol", { class: "worst" }, lowest.slice(0, most).map((one, i) => this.#item(one, answers[one.question], i === 0))),
      lowest.length > most && h("div", { class: "actions" }, h("button", { type: "button", class: "button", onclick: () => this.#draw(most + SHOWN) }, "Show more")));
  }

  #item({ question, value }, answer, open) {
    const body = h("div", { class: "worst-body" });
    const title = h("span", { class: "worst-question" }, question);
    let begun = false;
    const load = () => {
      if (begun || !answer) return;
      begun = true;
      fill(body, { signal: this.signal, load: () => Promise.all([api.answer(answer, { signal: this.signal }), api.labels(answer, { signal: this.signal })]), show: ([found, labels]) => {
        replace(title, found.question);
        body.append(answerReview(found, labels, { collection: this.run.collection }));
      } });
    };
    if (!answer) body.append(empty("No answer is kept", "It could not be given, or left with a document that it rests on."));
    const details = h("details", { open, ontoggle: () => details.open && load() }, h("summary", null, h("span", { class: "worst-score" }, score(value)), title), body);
    if (open) load();
    return h("li", { class: "worst-item" }, details);
  }
}
