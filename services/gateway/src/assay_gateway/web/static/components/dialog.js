// Modal dialogs: the platform's <dialog> keeps the focus inside and gives it back.

import { h, uniqueId } from "../dom.js";
import { SaidBesideFields } from "./form-field.js";

/** Opens a dialog; `build(close, signal)` makes its content. Resolves to what was given to `close`. */
export function openDialog(title, build) {
  return new Promise((resolve) => {
    const heading = uniqueId("dialog");
    const node = h("dialog", { class: "dialog", "aria-labelledby": heading });
    const closed = new AbortController();
    let result = null;
    const close = (value) => {
      result = value;
      node.close();
    };
    node.append(h("h2", { id: heading }, title), build(close, closed.signal));
    node.addEventListener("close", () => {
      closed.abort();
      node.remove();
      resolve(result);
    });
    document.body.append(node);
    node.showModal();
  });
}

/** Asks whether to go on. `details`, if given, shows what with. */
export function confirmDialog({ title, text, action, keep = "Keep it", details = null }) {
  return openDialog(title, (close) => h("div", null,
    h("p", null, text), details,
    h("div", { class: "actions actions-end" },
      h("button", { type: "button", class: "button", onclick: () => close(false), autofocus: true }, keep),
      h("button", { type: "button", class: "button button-danger", onclick: () => close(true) }, action))));
}

/**
 * A form in a dialog. `submit` may throw a Problem, which is shown, or `SaidBesideFields`; otherwise the dialog closes
 * with its result.
 */
export function formDialog({ title, fields, action, submit, novalidate = false }) {
  return openDialog(title, (close) => {
    const error = h("p", { class: "field-error", role: "alert" });
    const button = h("button", { type: "submit", class: "button button-primary" }, action);
    const onsubmit = async (event) => {
      event.preventDefault();
      button.disabled = true;
      error.textContent = "";
      try {
        close(await submit());
      } catch (problem) {
        error.textContent = problem instanceof SaidBesideFields ? "" : problem.detail || problem.message;
        button.disabled = false;
      }
    };
    return h("form", { onsubmit, novalidate }, fields, error,
      h("div", { class: "actions actions-end" },
        h("button", { type: "button", class: "button", onclick: () => close(null) }, "Cancel"), button));
  });
}

export function field(label, control, hint) {
  control.id ||= uniqueId("field");
  const hintId = hint && uniqueId("hint");
  if (hintId) control.setAttribute("aria-describedby", hintId);
  return h("div", { class: "field" }, h("label", { for: control.id }, label), control, hint && h("p", { class: "fine", id: hintId }, hint));
}
