// Legal holds: placing, changing and lifting one, the card of a document, and the list of all.

import { api } from "../api.js";
import { announce, h, replace, uniqueId } from "../dom.js";
import { dateTime } from "../format.js";
import { confirmDialog, formDialog } from "./dialog.js";
import { heldBadge } from "./erasure-badge.js";
import { formField, requireSound } from "./form-field.js";
import { failure } from "./states.js";

const MAX_REASON = 500;
const WHAT = "A hold keeps the document’s key, text and old versions, also when it is deleted: it is hidden then, and erased when the hold is lifted.";

/** Asks for the reason and places a hold, or changes that of `now`. Resolves to the hold, or null. */
export function placeHold(id, now = null) {
  const input = h("input", { type: "text", value: now?.reason ?? "", maxlength: MAX_REASON, autocomplete: "off" });
  const reason = formField("Reason", input, "Curators see it, such as “Case 2026-17”.");
  const submit = () => {
    const given = input.value.trim();
    reason.complain(given ? "" : "Say why the document is held.");
    requireSound([reason]);
    return api.placeHold(id, { reason: given });
  };
  return formDialog({
    title: now ? "Edit the legal hold" : "Place a legal hold",
    action: now ? "Save" : "Place the hold", novalidate: true, submit,
    fields: [!now && h("p", null, WHAT), reason.node],
  });
}

/** Asks, and lifts the hold on a document. True if it was lifted. */
export async function liftHold({ id, name = null, deleted }) {
  const what = name ? `“${name}”` : "The document";
  const sure = await confirmDialog({
    title: "Lift the legal hold?",
    text: deleted
      ? `${what} was deleted under it: its key is destroyed at once, and it cannot be brought back.`
      : `${what} stays as it is; when it is deleted, it is erased like any other.`,
    action: deleted ? "Lift and erase" : "Lift the hold", keep: "Keep the hold",
  });
  if (!sure) return false;
  await api.liftHold(id);
  announce("The legal hold was lifted.");
  return true;
}

/** Why it is held, by whom, and since when. */
export const holdFacts = (hold) => h("dl", { class: "facts-list" },
  fact("Reason", hold.reason), fact("Placed by", hold.placed_by),
  fact("Placed", h("time", { datetime: hold.placed_at }, dateTime(hold.placed_at))));

const fact = (term, value) => h("div", null, h("dt", null, term), h("dd", null, value));

/** The hold on a document; `editable` for curators. `onChanged` gets the hold that is on it from then on, or null. */
export function holdCard({ document, editable, onChanged }) {
  const { id, name, held } = document;
  const heading = uniqueId("hold");
  const tools = h("div", { class: "card-tools" });
  const body = h("div");
  const problem = h("div");
  let { hold } = document;
  const change = (key, ask) => async () => {
    replace(problem);
    try {
      const next = await ask();
      if (next === undefined) return;
      hold = next;
      onChanged(hold);
      draw();
      tools.querySelector(`[data-key="${key}"]`)?.focus();
    } catch (error) {
      replace(problem, failure(error));
    }
  };
  const place = async () => {
    const next = await placeHold(id, hold);
    if (next) announce("The document is held.");
    return next ?? undefined;
  };
  const lift = async () => ((await liftHold({ id, name, deleted: false })) ? null : undefined);
  const button = (key, label, spoken, onclick) => h("button", { type: "button", class: "button button-quiet", "aria-label": spoken, dataset: { key }, onclick }, label);
  const draw = () => {
    replace(tools, editable && (hold
      ? [button("reason", "Edit", "Edit the legal hold", change("reason", place)), button("lift", "Lift", "Lift the legal hold", change("place", lift))]
      : button("place", "Place", "Place a legal hold", change("lift", place))));
    replace(body, content());
  };
  const content = () => {
    if (hold) return [h("p", null, heldBadge()), holdFacts(hold)];
    if (held && !editable) return [h("p", null, heldBadge()), h("p", { class: "fine" }, WHAT)];
    return h("p", { class: "muted" }, "Not held: it is erased when it is deleted.");
  };
  draw();
  return h("section", { class: "card", "aria-labelledby": heading },
    h("div", { class: "card-head" }, h("h2", { id: heading }, "Legal hold"), tools), body, problem);
}

/** All holds of one page of the list. */
export function holdTable(holds, { onLift }) {
  const row = (hold) => h("tr", null,
    h("th", { scope: "row", class: "erasure-document" }, documentLink(hold)),
    h("td", { dataset: { label: "State" } }, hold.erasure_id ? [heldBadge(), h("span", { class: "fine erasure-by" }, "deleted, not erased")] : h("span", { class: "fine" }, "not deleted")),
    h("td", { class: "hold-reason", dataset: { label: "Reason" } }, hold.reason),
    h("td", { dataset: { label: "Placed" } }, h("time", { datetime: hold.placed_at }, dateTime(hold.placed_at)), h("span", { class: "fine erasure-by" }, `by ${hold.placed_by}`)),
    h("td", { class: "row-actions" }, h("button", {
      type: "button", class: "button button-quiet", "aria-label": `Lift the hold on ${hold.name ?? hold.document_id}`, dataset: { key: `lift ${hold.document_id}` }, onclick: () => onLift(hold),
    }, "Lift")));
  return h("table", { class: "table erasure-table" },
    h("caption", { class: "visually-hidden" }, "Legal holds, those placed last first"),
    h("thead", null, h("tr", null, ["Document", "State", "Reason", "Placed"].map((label) => h("th", { scope: "col" }, label)),
      h("th", { scope: "col" }, h("span", { class: "visually-hidden" }, "Actions")))),
    h("tbody", null, holds.map(row)));
}

function documentLink({ document_id: id, name, erasure_id: erasure }) {
  if (erasure) return h("a", { class: "erasure-id", href: `/ui/deletions/${encodeURIComponent(erasure)}`, dataset: { key: `open ${id}` } }, id);
  if (name === null) return [h("span", { class: "erasure-id" }, id), h("p", { class: "fine" }, "You may not read it.")];
  return h("a", { href: `/ui/documents/${encodeURIComponent(id)}`, dataset: { key: `open ${id}` } }, name);
}
