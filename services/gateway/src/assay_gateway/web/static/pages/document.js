// One document: its state, its versions, and a version's text as chunks or as a whole.

import { api } from "../api.js";
import { accessCard } from "../components/access-editor.js";
import { deleteOne } from "../components/deleting.js";
import { documentHistory } from "../components/document-history.js";
import { documentText } from "../components/document-text.js";
import { holdCard } from "../components/holds.js";
import { icon } from "../components/icons.js";
import { metadataCard } from "../components/metadata-editor.js";
import { nearDuplicatesCard } from "../components/near-duplicates.js";
import { isFinal, stateBadge } from "../components/state-badge.js";
import { failure, fill } from "../components/states.js";
import { announce, h, replace } from "../dom.js";
import { bytes, count, dateTime, headway, languageName } from "../format.js";
import { navigate } from "../router.js";
import { may } from "../session.js";

export function render({ main, params, query, signal }) {
  const body = h("div");
  replace(main, h("p", { class: "crumb" }, h("a", { href: "/ui/documents" }, icon("left"), "Documents")), body);
  fill(body, { signal, load: () => api.document(params.id, { signal }), show: (document) => new DocumentPage({ body, document, query, signal }) });
}

class DocumentPage {
  constructor({ body, document, query, signal }) {
    Object.assign(this, { document, signal });
    this.version = Number(query.version) || (document.live_version ?? document.version);
    this.span = query.start !== undefined ? { start: Number(query.start), end: Number(query.end) } : null;
    this.head = h("div");
    this.cards = h("div", { class: "cards" });
    this.versions = h("section", { "aria-labelledby": "versions-heading" });
    this.text = h("section", { class: "document-text", "aria-labelledby": "text-heading" });
    this.history = documentHistory({ id: document.id, signal });
    body.append(this.head, this.cards, this.versions, this.text, this.history);
    this.#drawHead();
    this.#drawCards();
    this.#drawVersions();
    this.#drawText();
    if (!isFinal(document.state)) this.#follow();
  }

  #drawHead() {
    const { document } = this;
    window.document.title = `${document.name} · Assay`;
    replace(this.head,
      h("div", { class: "page-head" },
        h("h1", { class: "document-title" }, document.name),
        h("div", { class: "page-tools" },
          !isFinal(document.state) && h("button", { type: "button", class: "button", onclick: () => this.#cancel() }, "Stop work"),
          h("button", { type: "button", class: "button button-danger-quiet", onclick: () => this.#remove() }, icon("trash"), "Delete"))),
      h("dl", { class: "facts facts-wide" },
        fact("State", [stateBadge(document.state, document.progress), !isFinal(document.state) && h("span", { class: "fine" }, ` ${headway(document)}`)]),
        fact("Collection", document.collection),
        fact("Live version", document.live_version ?? "none yet"),
        fact("Pages", count(document.pages)), fact("Chunks", count(document.chunks)), fact("Size", bytes(document.size_bytes)),
        fact("Type", document.media_type), fact("Language", languageName(document.language)), fact("Added", dateTime(document.created_at)), fact("Changed", dateTime(document.updated_at))),
      document.state === "failed" && failedPanel(document));
  }

  #drawCards() {
    const { document } = this;
    const onSaved = (changed) => {
      this.document = changed;
      this.#drawHead();
    };
    replace(this.cards,
      metadataCard({ document, editable: may("contributor", "curator"), onSaved }),
      document.access && accessCard({ id: document.id, access: document.access, onSaved }),
      document.held !== null && holdCard({ document, editable: may("curator"), onChanged: (hold) => Object.assign(this.document, { hold, held: hold !== null }) }),
      document.near_duplicates?.length > 0 && nearDuplicatesCard(document.near_duplicates));
  }

  #drawVersions() {
    const { versions } = this.document;
    const rows = versions.map((version) => h("tr", { "aria-current": version.version === this.version ? "true" : null },
      h("th", { scope: "row" }, h("button", { type: "button", class: "button button-quiet", onclick: () => this.#choose(version.version), "aria-label": `Show version ${version.version}` }, `Version ${version.version}`),
        version.version === this.document.live_version && h("span", { class: "badge", dataset: { state: "ready" } }, "live")),
      h("td", null, stateBadge(version.state, version.progress), version.error && h("p", { class: "row-error" }, version.error)),
      h("td", { class: "number" }, count(version.pages)), h("td", { class: "number" }, count(version.chunks)), h("td", { class: "number" }, bytes(version.size_bytes)),
      h("td", null, h("time", { datetime: version.created_at }, dateTime(version.created_at))),
      h("td", null, h("code", { title: version.sha256 }, version.sha256.slice(0, 12)))));
    replace(this.versions, h("h2", { id: "versions-heading" }, "Versions"),
      h("div", { class: "table-scroll", tabindex: "0", role: "group", "aria-labelledby": "versions-heading" }, h("table", { class: "table" },
        h("thead", null, h("tr", null, ["Version", "State", "Pages", "Chunks", "Size", "Uploaded", "SHA-256"].map((label, i) =>
          h("th", { scope: "col", class: i >= 2 && i <= 4 ? "number" : "" }, label)))),
        h("tbody", null, rows))));
  }

  #drawText() {
    const version = this.document.versions.find(({ version: n }) => n === this.version);
    const readable = version?.state === "ready" || this.version === this.document.live_version;
    replace(this.text, h("h2", { id: "text-heading" }, `Text of version ${this.version}`),
      readable
        ? documentText({ id: this.document.id, version: this.version, span: this.span, signal: this.signal })
        : h("p", { class: "fine" }, version?.state === "failed" ? "This version has no text, because it could not be read." : "The text shows here as soon as this version is ready."));
  }

  #choose(version) {
    this.version = version;
    this.span = null;
    this.#drawVersions();
    this.#drawText();
  }

  async #follow() {
    try {
      for await (const { event, data } of await api.documentEvents(this.document.id, { signal: this.signal })) {
        Object.assign(this.document, data);
        this.#drawHead();
        if (event === "done" || event === "failed") break;
      }
      this.document = await api.document(this.document.id, { signal: this.signal });
      this.version = this.document.live_version ?? this.document.version;
      this.#drawHead();
      this.#drawCards();
      this.#drawVersions();
      this.#drawText();
    } catch (problem) {
      if (!this.signal.aborted) this.head.append(failure(problem, { retry: () => navigate(location.pathname, { replace: true }) }));
    }
  }

  async #cancel() {
    try {
      await api.cancelDocument(this.document.id);
    } catch (problem) {
      this.head.append(failure(problem));
    }
  }

  async #remove() {
    const { id, collection } = this.document;
    try {
      const deleted = await deleteOne(id);
      if (deleted === null) return;
      const text = "The document was deleted."; // the browser's history shall not keep its name
      navigate(`/ui/documents?${new URLSearchParams({ collection })}`, { state: { deleted: { ...deleted, text } } });
      announce(text);
    } catch (problem) {
      this.head.append(failure(problem));
    }
  }
}

const fact = (term, value) => h("div", null, h("dt", null, term), h("dd", null, value));

function failedPanel({ error, error_code: code, live_version: live, collection }) {
  return h("div", { class: "state state-failure", role: "alert" },
    h("p", { class: "state-title" }, icon("warning"), "This document could not be made searchable"),
    h("p", null, error),
    live && h("p", null, `Version ${live} still answers meanwhile.`),
    h("p", { class: "fine" }, code),
    h("div", { class: "actions" },
      h("a", { class: "button", href: `/ui/documents?${new URLSearchParams({ collection })}` }, icon("upload"), "Upload a corrected file")));
}
