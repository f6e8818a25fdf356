// Documents that are chosen to be deleted together: a box in each row, and a bar that keeps its place above them.

import { h } from "../dom.js";
import { count, plural } from "../format.js";
import { icon } from "./icons.js";

const MOST = 1000; // the API's limit

export class Selection {
  #chosen = new Set();
  #boxes = new Map(); // of the rows that are shown, by id

  constructor({ onDelete }) {
    this.all = h("input", { type: "checkbox", onchange: () => this.#chooseShown(this.all.checked) });
    this.text = h("span", { class: "fine", role: "status" });
    this.clearing = h("button", { type: "button", class: "button button-quiet", onclick: () => this.clear() }, "Clear");
    this.deletion = h("button", { type: "button", class: "button button-danger-quiet", onclick: () => onDelete([...this.#chosen]) }, icon("trash"), "Delete selected");
    this.node = h("div", { class: "selection", role: "group", "aria-label": "Selected documents", hidden: true },
      h("label", { class: "check" }, this.all, "Select all shown"), this.text,
      h("div", { class: "selection-actions" }, this.clearing, this.deletion));
  }

  /** The rows that are shown from now on are those of these documents, for which `box` is called after this. */
  show(documents) {
    this.#boxes.clear();
    this.node.hidden = documents.length === 0;
  }

  box({ id, name }) {
    const box = h("input", { type: "checkbox", checked: this.#chosen.has(id), "aria-label": `Select ${name}`, dataset: { key: `select ${id}` }, onchange: () => {
      this.#choose(id, box.checked);
      this.draw();
    } });
    this.#boxes.set(id, box);
    return h("label", { class: "select-box" }, box);
  }

  clear() {
    this.#chosen.clear();
    this.draw();
    this.all.focus(); // the button that was pressed can no longer be
  }

  /** Forget without a word: other documents are shown. */
  forget() {
    this.#chosen.clear();
    this.draw();
  }

  draw() {
    for (const [id, box] of this.#boxes) box.checked = this.#chosen.has(id);
    const shown = [...this.#boxes.keys()].filter((id) => this.#chosen.has(id)).length;
    const n = this.#chosen.size;
    this.all.checked = shown > 0 && shown === this.#boxes.size;
    this.all.indeterminate = shown > 0 && shown < this.#boxes.size;
    const elsewhere = n > shown ? `, ${count(n - shown)} on other pages` : "";
    this.text.textContent = n === 0 ? "None selected" : `${plural(n, "document")} selected${elsewhere}${n === MOST ? ", the most at once" : ""}`;
    this.clearing.disabled = this.deletion.disabled = n === 0;
  }

  #choose(id, chosen) {
    if (!chosen) this.#chosen.delete(id);
    else if (this.#chosen.size < MOST) this.#chosen.add(id);
  }

  #chooseShown(chosen) {
    for (const id of this.#boxes.keys()) this.#choose(id, chosen);
    this.draw();
  }
}
