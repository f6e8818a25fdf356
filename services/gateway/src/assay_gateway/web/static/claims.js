// Writes text into the answer, wrapping each judged sentence and closing it with a sign of its verdict.

import { h } from "./dom.js";
import { icon } from "./components/icons.js";

export const VERDICTS = {
  supported: { sign: "check", short: "supported", long: "Supported by the cited passage" },
  unsupported: { sign: "question", short: "not supported", long: "Not found in the sources" },
  contradicted: { sign: "cross", short: "contradicted", long: "The sources say otherwise" },
  unverified: { sign: "dash", short: "not checked", long: "Could not be checked" },
};

export class Marker {
  #claims;
  #citations;
  #onCite;
  #next = 0;
  #marked = new Set();

  constructor({ claims, citations, onCite }) {
    this.#claims = [...claims].sort((a, b) => a.start - b.start);
    this.#citations = citations;
    this.#onCite = onCite;
  }

  knows(n) {
    return this.#citations.has(n);
  }

  /** Writes `text`, which stands in the source at `at`. */
  text(parent, text, at) {
    let from = 0;
    while (from < text.length) {
      const place = at + from;
      this.#closeUpTo(parent, place);
      const claim = this.#claims[this.#next];
      const limit = !claim ? text.length : place < claim.start ? claim.start - at : claim.end - at;
      const end = Math.min(text.length, limit);
      const piece = text.slice(from, end);
      parent.append(claim && place >= claim.start ? claimed(claim, piece) : piece);
      from = end;
    }
  }

  cite(parent, numbers, at) {
    this.#closeUpTo(parent, at);
    bindLastSpace(parent);
    for (const n of numbers) {
      if (!this.knows(n)) continue;
      this.#marked.add(n);
      parent.append(this.#button(n));
    }
  }

  /** Closes, at the end of a block, what ends before `place`, where the next block begins. */
  finish(block, place) {
    const last = [...block.querySelectorAll("p, li, td, th, pre > code")].at(-1) ?? block;
    if (!last.matches("hr")) this.#closeUpTo(last, place);
  }

  #closeUpTo(parent, place) {
    while (this.#next < this.#claims.length && this.#claims[this.#next].end <= place) {
      const claim = this.#claims[this.#next];
      for (const n of claim.citations ?? []) {
        if (this.knows(n) && !this.#marked.has(n)) parent.append(this.#button(n));
      }
      parent.append(sign(claim.verdict));
      this.#marked.clear();
      this.#next += 1;
    }
  }

  #button(n) {
    const citation = this.#citations.get(n);
    const where = citation.page ? `, page ${citation.page}` : "";
    const label = `Source ${n}: ${citation.document_name}${where}`;
    return h("button", {
      class: "cite", type: "button", dataset: { cite: n }, title: label, "aria-label": label,
      onclick: (event) => this.#onCite(n, event.currentTarget),
    }, n);
  }
}

/** Keeps a citation on the line of the word before it. */
function bindLastSpace(parent) {
  let last = parent.lastChild;
  while (last?.lastChild) last = last.lastChild;
  if (last?.nodeType === Node.TEXT_NODE) last.data = last.data.replace(/ +$/, "\u00a0");
}

function claimed(claim, text) {
  return h("span", { class: "claim", dataset: { verdict: claim.verdict } }, text);
}

export function sign(verdict) {
  const { sign: name, short, long } = VERDICTS[verdict] ?? VERDICTS.unverified;
  return h("span", { class: "verdict", dataset: { verdict }, title: long },
    icon(name), h("span", { class: "visually-hidden" }, ` (${short})`));
}
