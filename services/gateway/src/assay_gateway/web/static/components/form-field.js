// A labelled control. What is wrong with it takes the place of its hint, so that nothing moves.

import { h, replace, uniqueId } from "../dom.js";

/** Thrown by a form whose problems stand beside its fields already. */
export class SaidBesideFields extends Error {}

/** `node` for the form; `complain(text)` says what is wrong, or nothing; `control` is what takes the focus. */
export function formField(label, control, hint, { around = control } = {}) {
  control.id ||= uniqueId("field");
  const note = h("p", { class: "fine", id: uniqueId("hint") }, hint);
  control.setAttribute("aria-describedby", note.id);
  const complain = (problem) => {
    replace(note, problem || hint);
    note.className = problem ? "field-error" : "fine";
    control.setAttribute("aria-invalid", String(Boolean(problem)));
  };
  return { node: h("div", { class: "field" }, h("label", { for: control.id }, label), around, note), control, complain };
}

/** Goes to the first of the fields that something is wrong with. Throws `SaidBesideFields` if there is one. */
export function requireSound(fields) {
  const wrong = fields.find(({ control }) => control.getAttribute("aria-invalid") === "true");
  if (!wrong) return;
  wrong.control.focus();
  throw new SaidBesideFields();
}
