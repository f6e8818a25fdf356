// The conversation, kept in memory while the tab lives, and asking in it. Pages only look at it.

import { Problem, api } from "./api.js";
import { indexer } from "./codepoints.js";

const HISTORY_TURNS = 6;
const HISTORY_CHARACTERS = 12_000;

const BROKEN_STREAM = {
  code: "stream_broken",
  title: "The answer broke off",
  detail: "The connection ended before the answer was complete. Ask again; what arrived so far is kept above.",
};

/** A question and what has arrived of its answer. */
class Turn extends EventTarget {
  status = "searching"; // then writing, and one of: done, stopped, failed
  text = "";
  sources = [];
  citations = new Map();
  claims = [];
  degraded = [];
  answer = null;
  problem = null;
  failedAt = 0; // by performance.now()

  constructor(collection, question) {
    super();
    Object.assign(this, { collection, question });
  }

  get running() {
    return this.status === "searching" || this.status === "writing";
  }

  /** Claims with their place as indexes into the text's JavaScript string. */
  get placedClaims() {
    const at = indexer(this.text);
    return this.claims.map((claim) => ({ ...claim, start: at(claim.start), end: at(claim.end) }));
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }
}

class Conversation extends EventTarget {
  turns = [];
  #abort = null;

  get running() {
    return this.turns.some((turn) => turn.running);
  }

  async ask(collection, question) {
    const history = this.#history(collection);
    const turn = new Turn(collection, question);
    this.turns.push(turn);
    this.dispatchEvent(new CustomEvent("turn", { detail: turn }));
    await this.#run(turn, { question, history });
  }

  /** Asks the question of a failed or cached turn again, in its place. */
  async retry(turn, { cache = "use" } = {}) {
    if (this.running) return;
    const history = this.#history(turn.collection, this.turns.indexOf(turn));
    Object.assign(turn, new Turn(turn.collection, turn.question));
    this.dispatchEvent(new Event("running"));
    await this.#run(turn, { question: turn.question, history, cache });
  }

  stop() {
    this.#abort?.abort();
  }

  clear() {
    this.stop();
    this.turns = [];
    this.dispatchEvent(new Event("clear"));
  }

  #history(collection, before = this.turns.length) {
    const turns = this.turns.slice(0, before).filter((turn) => turn.collection === collection && turn.status === "done" && turn.text);
    const messages = [];
    let characters = 0;
    for (const turn of turns.slice(-HISTORY_TURNS).reverse()) {
      characters += turn.question.length + turn.text.length;
      if (characters > HISTORY_CHARACTERS) break;
      messages.unshift({ role: "user", content: turn.question }, { role: "assistant", content: turn.text });
    }
    return messages;
  }

  async #run(turn, body) {
    const abort = new AbortController();
    this.#abort = abort;
    turn.changed();
    try {
      for await (const { event, data } of await api.ask(turn.collection, body, { signal: abort.signal })) {
        receive(turn, event, data);
        turn.changed();
      }
      if (turn.running) fail(turn, new Problem(BROKEN_STREAM));
    } catch (error) {
      if (abort.signal.aborted) turn.status = "stopped";
      else fail(turn, error instanceof Problem ? error : new Problem(BROKEN_STREAM));
    }
    turn.changed();
    this.dispatchEvent(new Event("running"));
  }
}

function fail(turn, problem) {
  turn.status = "failed";
  turn.problem = problem;
  turn.failedAt = performance.now();
  if (problem.rest?.sources) turn.sources = problem.rest.sources;
}

function receive(turn, event, data) {
  switch (event) {
    case "retrieval":
      turn.sources = data.hits;
      turn.degraded = data.degraded ?? [];
      break;
    case "token":
      turn.status = "writing";
      turn.text += data.text;
      break;
    case "citation":
      if (!turn.citations.has(data.n)) turn.citations.set(data.n, data);
      break;
    case "verdict":
      turn.claims.push(data);
      break;
    case "done":
      finish(turn, data);
      break;
    case "failed":
      fail(turn, new Problem({ ...data, title: undefined, detail: data.message }));
      break;
    default: // a newer server may tell more
  }
}

function finish(turn, answer) {
  turn.status = "done";
  turn.answer = answer;
  turn.text = answer.answer;
  turn.sources = answer.sources;
  turn.claims = answer.claims;
  turn.degraded = answer.degraded;
  turn.citations = new Map();
  for (const citation of answer.citations) {
    if (!turn.citations.has(citation.n)) turn.citations.set(citation.n, citation);
  }
}

export const conversation = new Conversation();
