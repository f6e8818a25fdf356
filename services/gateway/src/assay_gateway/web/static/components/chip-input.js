// Several short texts in one field: Enter adds one, and each has a button that takes it out.

import { announce, h, replace } from "../dom.js";
import { formField } from "./form-field.js";
import { icon } from "./icons.js";

/** A field of `form-field` with `values()`, which takes in what is typed but not added yet. `none` says that it is empty. */
export function chipInput({ label, values, hint, none, max }) {
  const chosen = new Set(values);
  const list = h("ul", { class: "chips", "aria-label": `${label}: chosen` });
  const input = h("input", {
    type: "text", autocomplete: "off", autocapitalize: "none", spellcheck: "false", maxlength: max,
    onkeydown: (event) => {
      if (event.key !== "Enter" || event.isComposing || !input.value.trim()) return;
      event.preventDefault(); // the form is sent by Enter in an empty field only
      add();
    },
  });
  const plus = h("button", { type: "button", class: "button", "aria-label": `Add to ${label}`, onclick: () => {
    add();
    input.focus();
  } }, "Add");
  const own = formField(label, input, hint, { around: h("div", null, list, h("div", { class: "chip-line" }, input, plus)) });

  const takeOut = (value) => {
    chosen.delete(value);
    draw();
    input.focus();
    announce(`${value} was taken out.`);
  };
  const draw = (marked = []) => replace(list, chosen.size === 0 ? h("li", { class: "fine" }, none) : [...chosen].map((value) =>
    h("li", { class: "chip", dataset: { wrong: String(marked.includes(value)) } }, h("span", null, value),
      h("button", { type: "button", class: "chip-remove", "aria-label": `Take out ${value}`, title: "Take out", onclick: () => takeOut(value) }, icon("cross")))));
  const add = () => {
    const value = input.value.trim();
    if (!value) return;
    chosen.add(value);
    input.value = "";
    own.complain("");
    draw();
    announce(`${value} was added.`);
  };
  draw();
  return {
    ...own,
    values: () => {
      add();
      return [...chosen];
    },
    complain: (problem, marked = []) => {
      own.complain(problem);
      draw(marked);
    },
  };
}

/** Chips that are only shown. */
export const chips = (values) => h("ul", { class: "chips" }, values.map((value) => h("li", { class: "chip" }, h("span", null, value))));
