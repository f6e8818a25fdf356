// What was deleted and how far it has left the stores, and for curators what legal holds keep.

import { api } from "../api.js";
import { erasureTable } from "../components/erasure-table.js";
import { holdTable, liftHold } from "../components/holds.js";
import { pager } from "../components/pager.js";
import { empty, failure, loading } from "../components/states.js";
import { h, redraw, replace } from "../dom.js";
import { pace } from "../erasures.js";
import { later } from "../later.js";
import { remember } from "../router.js";
import { may } from "../session.js";

const PAGE_SIZE = 50;

const VIEWS = {
  "": {
    label: "All",
    title: "Deletions",
    load: (query, o) => api.erasures(query, o),
    none: ["Nothing was deleted yet", "A deleted document stays in this list for good, with a signed receipt of what became of it."],
  },
  open: {
    label: "Not complete",
    title: "Deletions that are not complete",
    load: (query, o) => api.erasures({ ...query, open: true }, o),
    none: ["Nothing is on its way", "Every deletion is complete: the stores have rewritten their files."],
  },
  holds: {
    label: "Legal holds",
    title: "Legal holds, by document",
    load: (query, o) => api.holds(query, o),
    none: ["No legal holds", "A curator places one on the page of a document. It keeps the document, also when it is deleted."],
  },
};

export function render({ main, query, signal }) {
  const views = Object.keys(VIEWS).filter((name) => name !== "holds" || may("curator"));
  const page = new DeletionList({ views, view: views.includes(query.show) ? query.show : "", signal });
  replace(main,
    h("div", { class: "page-head" }, h("h1", null, "Deletions")),
    h("div", null,
      h("p", { class: "erasure-note" }, "The key of a deleted document is destroyed at once; then it leaves every store and its files. Its name is destroyed too: a document is known by its id alone."),
      page.filters, page.problem, page.list));
  page.start();
}

class DeletionList {
  #cursors = [null]; // of the pages up to the one shown
  #stop = null;
  #shown = null;

  constructor({ views, view, signal }) {
    Object.assign(this, { views, view, signal });
    this.filters = h("div", { class: "filters", role: "group", "aria-label": "Which deletions" });
    this.problem = h("div");
    this.list = h("div");
  }

  start() {
    this.#shown = null;
    replace(this.problem);
    redraw(this.filters, this.views.map((name) => h("button", {
      type: "button", class: "filter", "aria-pressed": String(name === this.view), dataset: { key: `view ${name}` }, onclick: () => this.#choose(name),
    }, VIEWS[name].label)));
    replace(this.list, loading());
    this.#refresh();
  }

  #choose(view) {
    this.view = view;
    this.#turnTo([null]);
  }

  #turnTo(cursors) {
    this.#cursors = cursors;
    remember({ show: this.view });
    this.start();
  }

  async #refresh() {
    this.#stop?.();
    const { view } = this;
    const cursors = this.#cursors;
    const current = () => !this.signal.aborted && view === this.view && cursors === this.#cursors;
    try {
      const page = await VIEWS[view].load({ limit: PAGE_SIZE, cursor: cursors.at(-1) }, { signal: this.signal });
      if (!current()) return;
      replace(this.problem);
      this.#show(page, cursors);
      const soon = pace(page.erasures ?? []);
      if (soon !== null) this.#stop = later(soon, () => this.#refresh(), this.signal);
    } catch (problem) {
      if (!current()) return;
      if (this.#shown === null) replace(this.list);
      replace(this.problem, failure(problem, { retry: () => this.start() }));
    }
  }

  #show(page, cursors) {
    const seen = JSON.stringify(page);
    if (seen === this.#shown) return;
    this.#shown = seen;
    const rows = page.erasures ?? page.holds;
    if (rows.length === 0 && cursors.length > 1) return this.#turnTo(cursors.slice(0, -1));
    if (rows.length === 0) return replace(this.list, empty(...VIEWS[this.view].none));
    const table = page.holds ? holdTable(rows, { onLift: (hold) => this.#lift(hold) }) : erasureTable(rows);
    const wide = h("div", { class: "table-scroll", tabindex: "0", role: "group", "aria-label": VIEWS[this.view].title, dataset: { key: "table" } }, table);
    return redraw(this.list, wide, pager({
      label: "Pages of deletions", cursors, shown: rows.length, pageSize: PAGE_SIZE, next: page.next_cursor, turnTo: (to) => this.#turnTo(to),
    }));
  }

  async #lift({ document_id: id, name, erasure_id: erasure }) {
    try {
      if (!(await liftHold({ id, name, deleted: erasure !== null }))) return;
      await this.#refresh();
      this.filters.querySelector("[aria-pressed=true]").focus(); // what had it is gone with the hold
    } catch (problem) {
      replace(this.problem, failure(problem));
    }
  }
}
