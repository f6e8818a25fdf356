// The documents of a collection: adding, watching, opening and deleting them.

import { api } from "../api.js";
import { collectionPicker, createCollection, loadCollections } from "../components/collection-picker.js";
import { confirmDialog } from "../components/dialog.js";
import { documentTable } from "../components/document-table.js";
import { givenUp } from "../components/given-up.js";
import { icon } from "../components/icons.js";
import { Selection } from "../components/selection.js";
import { isFinal } from "../components/state-badge.js";
import { empty, failure, fill, loading } from "../components/states.js";
import { uploadPanel } from "../components/upload-panel.js";
import { announce, h, redraw, replace } from "../dom.js";
import { count, plural } from "../format.js";
import { navigate, remember } from "../router.js";
import { may } from "../session.js";

const STATES = ["received", "parsing", "embedding", "indexing", "ready", "failed"];
const PAGE_SIZE = 50;
const REFRESH_MS = 2500;

export function render({ main, query, signal }) {
  const body = h("div");
  const create = async () => {
    const name = await createCollection();
    if (name) navigate(`/ui/documents?${new URLSearchParams({ collection: name })}`);
  };
  const newCollection = h("button", { type: "button", class: "button", onclick: create }, icon("plus"), "New collection");
  const tools = h("div", { class: "page-tools" }, newCollection);
  replace(main, h("div", { class: "page-head" }, h("h1", null, "Documents"), tools), body);
  fill(body, {
    signal,
    load: () => loadCollections({ wanted: query.collection, signal }),
    show: ({ collections, current }) => {
      if (!current) {
        newCollection.hidden = true;
        const make = h("button", { type: "button", class: "button button-primary", onclick: create }, icon("plus"), "New collection");
        return body.append(empty("No collections yet", "Documents live in collections. Make the first one.", make));
      }
      const list = new DocumentList({ body, collection: current, state: query.state ?? "", signal });
      tools.prepend(collectionPicker({ collections, current, counts: false, onChange: (name) => list.choose(name) }));
      return list.start();
    },
  });
}

class DocumentList {
  #cursors = [null]; // of the pages up to the one shown
  #timer = null;
  #shown = null;

  constructor({ body, collection, state, signal }) {
    Object.assign(this, { collection, state, signal });
    this.filters = h("div", { class: "filters", role: "group", "aria-label": "Filter by state" });
    this.list = h("div", { class: "document-list" });
    this.upload = uploadPanel({ collection: () => this.collection, signal, onDone: () => this.refreshSoon(300) });
    this.givenUp = givenUp({ collection: () => this.collection, signal, onReplayed: () => this.refreshSoon(300) });
    this.paused = h("div", { class: "paused" });
    this.selection = may("contributor", "curator") ? new Selection({ onDelete: (ids) => this.#removeMany(ids) }) : null;
    body.append(this.upload.node, this.paused, this.givenUp.node, this.filters, this.selection?.node ?? "", this.list);
    signal.addEventListener("abort", () => clearTimeout(this.#timer));
  }

  start() {
    this.list.replaceChildren(loading());
    this.givenUp.draw();
    this.#drawPaused();
    this.refresh();
  }

  /** Whether the collection takes documents in, and the switch for it. */
  async #drawPaused(change = null) {
    const { collection } = this;
    try {
      const found = await (change ?? api.collection(collection, { signal: this.signal }));
      if (collection !== this.collection) return;
      const paused = Boolean(found.paused_at);
      const toggle = () => this.#drawPaused(api.setPaused(collection, !paused));
      replace(this.paused,
        h("p", { class: "fine" }, paused ? "Paused: uploads are accepted and wait. " : null,
          h("button", { type: "button", class: "button button-quiet", onclick: toggle }, paused ? "Go on" : "Pause intake")));
    } catch (problem) {
      if (!this.signal.aborted) replace(this.paused, failure(problem));
    }
  }

  choose(collection) {
    Object.assign(this, { collection });
    this.upload.draw();
    this.#choose("");
  }

  #choose(state) {
    this.state = state;
    this.selection?.forget();
    this.#turnTo([null]);
  }

  #turnTo(cursors) {
    this.#cursors = cursors;
    remember({ collection: this.collection, state: this.state });
    this.start();
  }

  refreshSoon(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.refresh(), ms);
  }

  async refresh() {
    clearTimeout(this.#timer);
    const asked = [this.collection, this.state, this.#cursors.length].join("\n");
    const query = { limit: PAGE_SIZE, cursor: this.#cursors.at(-1), state: this.state };
    try {
      const page = await api.documents(this.collection, query, { signal: this.signal });
      if (asked !== [this.collection, this.state, this.#cursors.length].join("\n")) return;
      this.#show(page);
      if (page.documents.some((document) => !isFinal(document.state))) this.refreshSoon(REFRESH_MS);
    } catch (problem) {
      if (problem.name === "AbortError") return;
      replace(this.list, failure(problem, { retry: () => this.start() }));
    }
  }

  #show(page) {
    const unchanged = JSON.stringify(page);
    if (unchanged === this.#shown && this.list.querySelector("table")) return;
    this.#shown = unchanged;
    if (page.documents.length === 0 && this.#cursors.length > 1) return this.#turnTo(this.#cursors.slice(0, -1));
    redraw(this.filters, this.#filterButtons(page.counts ?? {}));
    this.selection?.show(page.documents);
    if (page.documents.length === 0) {
      replace(this.list, this.state
        ? empty("None in this state", "Choose another state to see the rest.")
        : empty("No documents yet", "Drop files above; each is searchable a few seconds later."));
      return;
    }
    const actions = { onDelete: (document) => this.#remove(document), onRetry: (document) => this.#retry(document) };
    redraw(this.list, documentTable(page.documents, { ...actions, selection: this.selection }), this.#pager(page));
    this.selection?.draw();
  }

  #filterButtons(counts) {
    const total = Object.values(counts).reduce((sum, n) => sum + n, 0);
    if (total === 0) return null;
    const states = [["", "All", total], ...STATES.filter((state) => counts[state] > 0).map((state) => [state, state, counts[state]])];
    return states.map(([state, label, n]) => h("button", {
      type: "button", class: "filter", "aria-pressed": String(state === this.state), dataset: { key: `state ${state}` },
      onclick: () => this.#choose(state),
    }, label, h("span", { class: "filter-count" }, count(n))));
  }

  #pager(page) {
    const number = this.#cursors.length;
    if (number === 1 && !page.next_cursor) return null;
    const first = (number - 1) * PAGE_SIZE + 1;
    return h("nav", { class: "pager", "aria-label": "Pages of documents" },
      h("button", { type: "button", class: "button", disabled: number === 1, onclick: () => this.#turnTo(this.#cursors.slice(0, -1)) }, icon("left"), "Previous"),
      h("span", null, `${count(first)} to ${count(first + page.documents.length - 1)}`),
      h("button", { type: "button", class: "button", disabled: !page.next_cursor, onclick: () => this.#turnTo([...this.#cursors, page.next_cursor]) }, "Next", icon("right")));
  }

  async #retry(document) {
    try {
      await api.retryDocument(document.id);
      announce(`${document.name} is worked on again.`);
    } catch (problem) {
      this.list.prepend(failure(problem));
      return;
    }
    this.refresh();
  }

  async #remove(document) {
    const versions = document.version > 1 ? ` with its ${plural(document.version, "version")}` : "";
    const sure = await confirmDialog({
      title: "Delete this document?",
      text: `“${document.name}”${versions} leaves answers and searches at once and cannot be brought back.`,
      action: "Delete",
    });
    if (!sure) return;
    try {
      await api.deleteDocument(document.id);
      announce(`${document.name} was deleted.`);
    } catch (problem) {
      this.list.prepend(failure(problem));
      return;
    }
    this.refresh();
  }

  /** Asks once for all of them, by what is there now: others may have deleted some meanwhile. */
  async #removeMany(ids) {
    const { collection } = this;
    try {
      const found = await api.deleteDocuments(collection, { filter: { ids }, dry_run: true });
      if (found.count > 0 && !(await confirmMany(found.documents))) return;
      const there = found.documents.map(({ document_id: id }) => id);
      if (there.length > 0) await api.deleteDocuments(collection, { filter: { ids: there } });
      announce(there.length > 0 ? `${plural(there.length, "document")} deleted.` : "They were deleted already.");
    } catch (problem) {
      this.list.prepend(failure(problem));
      return;
    }
    this.selection.clear();
    this.refresh();
  }
}

function confirmMany(documents) {
  const many = plural(documents.length, "document");
  const names = documents.map(({ name }) => name).sort((a, b) => a.localeCompare(b));
  return confirmDialog({
    title: `Delete ${many}?`,
    text: `${documents.length === 1 ? "It leaves" : "They leave"} answers and searches at once and cannot be brought back.`,
    details: h("ul", { class: "confirm-list", tabindex: "0", "aria-label": "To be deleted" }, names.map((name) => h("li", null, name))),
    action: `Delete ${many}`,
    keep: documents.length === 1 ? "Keep it" : "Keep them",
  });
}
