// The documents of a collection: adding, watching, opening and deleting them.

import { api } from "../api.js";
import { collectionPicker, createCollection, loadCollections } from "../components/collection-picker.js";
import { confirmMany, deletedNotice, deleteOne } from "../components/deleting.js";
import { documentTable } from "../components/document-table.js";
import { givenUp } from "../components/given-up.js";
import { icon } from "../components/icons.js";
import { pager } from "../components/pager.js";
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
      const list = new DocumentList({ body, collection: current, state: query.state ?? "", deleted: history.state?.deleted, signal });
      tools.prepend(collectionPicker({ collections, current, counts: false, onChange: (name) => list.choose(name) }));
      return list.start();
    },
  });
}

class DocumentList {
  #cursors = [null]; // of the pages up to the one shown
  #timer = null;
  #shown = null;

  constructor({ body, collection, state, deleted, signal }) {
    Object.assign(this, { collection, state, signal });
    this.filters = h("div", { class: "filters", role: "group", "aria-label": "Filter by state" });
    this.list = h("div", { class: "document-list" });
    this.upload = uploadPanel({ collection: () => this.collection, signal, onDone: () => this.refreshSoon(300) });
    this.givenUp = givenUp({ collection: () => this.collection, signal, onReplayed: () => this.refreshSoon(300) });
    this.paused = h("div", { class: "paused" });
    this.selection = may("contributor", "curator") ? new Selection({ onDelete: (ids) => this.#removeMany(ids) }) : null;
    this.said = h("div", { class: "said" }, deleted && deletedNotice(deleted));
    body.append(this.upload.node, this.paused, this.givenUp.node, this.filters, this.selection?.node ?? "", this.list, this.said);
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
    replace(this.said);
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
    redraw(this.list, documentTable(page.documents, { ...actions, selection: this.selection }), pager({
      label: "Pages of documents", cursors: this.#cursors, shown: page.documents.length, pageSize: PAGE_SIZE, next: page.next_cursor, turnTo: (cursors) => this.#turnTo(cursors),
    }));
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

  async #remove({ id }) {
    try {
      const deleted = await deleteOne(id);
      if (deleted === null) return;
      this.#saySo(deleted);
    } catch (problem) {
      this.list.prepend(failure(problem));
      return;
    }
    this.refresh();
  }

  /** Says what was deleted. What had the focus may be gone with it. */
  #saySo(deleted) {
    const node = deletedNotice(deleted);
    replace(this.said, node);
    node.focus({ preventScroll: true });
    announce(deleted.text);
  }

  /** Asks once for all of them, by what is there now: others may have deleted some meanwhile. */
  async #removeMany(ids) {
    const { collection } = this;
    try {
      const found = await api.deleteDocuments(collection, { filter: { ids }, dry_run: true });
      if (found.count > 0 && !(await confirmMany(found.documents))) return;
      const there = found.documents.map(({ document_id: id }) => id);
      const gone = there.length > 0 ? (await api.deleteDocuments(collection, { filter: { ids: there } })).documents : [];
      const one = gone.length === 1 ? gone[0] : null;
      this.#saySo({ text: gone.length > 0 ? `${plural(gone.length, "document")} deleted.` : "They were deleted already.", erasure: one?.job, held: one?.held });
    } catch (problem) {
      this.list.prepend(failure(problem));
      return;
    }
    this.selection.clear();
    this.refresh();
  }
}
