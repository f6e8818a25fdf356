// Documents of a collection that could not be taken in, with the reason, and trying them again.

import { api } from "../api.js";
import { announce, h, replace } from "../dom.js";
import { plural } from "../format.js";
import { icon } from "./icons.js";
import { failure } from "./states.js";

const SHOWN = 20;

/** A section that is empty while nothing was given up. `draw` looks again. */
export function givenUp({ collection, signal, onReplayed }) {
  const node = h("section", { class: "given-up", "aria-label": "Given up" });
  const replay = (work) => async () => {
    try {
      await work();
      announce("They are worked on again.");
      onReplayed();
    } catch (problem) {
      node.append(failure(problem));
    }
    draw();
  };
  const draw = async () => {
    const asked = collection();
    try {
      const page = await api.jobs({ collection: asked, limit: SHOWN }, { signal });
      if (asked === collection()) replace(node, page.jobs.length > 0 && list(page, asked, replay));
    } catch {
      replace(node); // the list of documents below says what is wrong
    }
  };
  return { node, draw };
}

function list({ jobs, next_cursor: more }, collection, replay) {
  const row = (job) => h("li", null,
    h("a", { href: `/ui/documents/${encodeURIComponent(job.document_id)}` }, job.document_name), " ",
    h("span", { class: "fine" }, `${job.error ?? ""} (${job.error_code ?? "failed"})`), " ",
    h("button", { type: "button", class: "button button-quiet", "aria-label": `Try ${job.document_name} again`, onclick: replay(() => api.replayJob(job.id)) }, "Try again"));
  return h("details", null,
    h("summary", null, icon("warning"), ` ${plural(jobs.length, "document")}${more ? " and more" : ""} given up`),
    h("ul", null, jobs.map(row)),
    h("button", { type: "button", class: "button", onclick: replay(() => api.replayJobs({ collection })) }, "Try all again"));
}
