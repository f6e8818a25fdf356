// A titled part of a page, which may be edited in a dialog.

import { announce, h, replace, uniqueId } from "../dom.js";
import { failure } from "./states.js";

/**
 * `show(value)` makes the content. `edit(value)`, if given, resolves to what is to be shown from then on, or to null;
 * what it throws is shown in the card.
 */
export function card({ title, value, show, edit = null }) {
  const heading = uniqueId("card");
  const body = h("div");
  const problem = h("div");
  const draw = () => replace(body, show(value));
  const onclick = async () => {
    replace(problem);
    try {
      const next = await edit(value);
      if (!next) return;
      value = next;
      draw();
      announce(`${title}: saved.`);
    } catch (error) {
      replace(problem, failure(error));
    }
  };
  draw();
  return h("section", { class: "card", "aria-labelledby": heading },
    h("div", { class: "card-head" }, h("h2", { id: heading }, title),
      edit && h("button", { type: "button", class: "button button-quiet", "aria-label": `Edit ${title.toLowerCase()}`, onclick }, "Edit")),
    body, problem);
}
