// One deletion, from the DELETE to its proof; looks again by itself while it is on its way.

import { api } from "../api.js";
import { erasureFacts, heldPanel, receipt, removedCounts, timeline } from "../components/erasure-detail.js";
import { liftHold } from "../components/holds.js";
import { icon } from "../components/icons.js";
import { failure, fill } from "../components/states.js";
import { announce, h, redraw, replace } from "../dom.js";
import { pace, stage, WORDS } from "../erasures.js";
import { later } from "../later.js";
import { may } from "../session.js";

export function render({ main, params, signal }) {
  const body = h("div");
  replace(main, h("p", { class: "crumb" }, h("a", { href: "/ui/deletions" }, icon("left"), "Deletions")), body);
  fill(body, { signal, load: () => load(params.id, signal), show: (found) => new DeletionPage({ body, found, signal }) });
}

/** An erasure, and for curators the hold that stops it. */
async function load(id, signal) {
  const erasure = await api.erasure(id, { signal });
  if (erasure.state !== "held" || !may("curator")) return { erasure, hold: null };
  try {
    return { erasure, hold: await api.hold(erasure.document_id, { signal }) };
  } catch (problem) {
    if (problem.code !== "hold_not_found") throw problem;
    return load(id, signal); // lifted in between
  }
}

class DeletionPage {
  constructor({ body, found, signal }) {
    Object.assign(this, { signal, shown: null });
    this.problem = h("div");
    this.content = h("div");
    body.append(this.problem, this.content);
    this.#show(found);
  }

  #show({ erasure, hold }) {
    // The receipt is signed anew each time; it says the same as long as nothing else changed.
    const seen = JSON.stringify([{ ...erasure, receipt: null }, hold]);
    if (this.shown !== seen) {
      if (this.shown !== null) announce(`The deletion is now: ${WORDS[stage(erasure)]}.`);
      this.shown = seen;
      redraw(this.content, erasureFacts(erasure),
        hold && heldPanel(hold, { onLift: () => this.#lift(erasure) }),
        timeline(erasure), removedCounts(erasure),
        receipt(erasure, { onProblem: (problem) => replace(this.problem, failure(problem)) }));
    }
    this.id = erasure.id;
    const soon = pace([erasure]);
    this.stop?.();
    if (soon !== null) this.stop = later(soon, () => this.#refresh(), this.signal);
  }

  async #refresh() {
    try {
      const found = await load(this.id, this.signal);
      replace(this.problem);
      this.#show(found);
    } catch (problem) {
      if (!this.signal.aborted) replace(this.problem, failure(problem, { retry: () => this.#refresh() }));
    }
  }

  async #lift({ document_id: id }) {
    try {
      if (!(await liftHold({ id, deleted: true }))) return;
      await this.#refresh();
      this.content.querySelector("h1").focus(); // what had it is gone with the hold
    } catch (problem) {
      replace(this.problem, failure(problem));
    }
  }
}
