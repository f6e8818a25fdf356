// Files on their way into a collection: a few uploads at a time, then each document is watched until it is
// searchable or has failed. Lives as long as the tab, so that leaving the page does not lose sight of them.

import { api, upload } from "./api.js";
import { headway } from "./format.js";

const PARALLEL_UPLOADS = 2;
const WATCHED_AT_ONCE = 6;
const WATCH_INTERVAL_MS = 1000;

/** One file. `phase` goes waiting → uploading → ingesting → ready | failed; unchanged and cancelled are also ends. */
export class UploadItem {
  phase = "waiting";
  state = null;
  fraction = 0;
  document = null;
  problem = null;
  headway = "";
  abort = new AbortController();
  watchedAt = 0;

  constructor(collection, file, name) {
    Object.assign(this, { collection, file, name });
  }

  get finished() {
    return ["ready", "failed", "unchanged", "cancelled"].includes(this.phase);
  }
}

class Uploads extends EventTarget {
  items = [];
  #active = 0;
  #timer = null;

  constructor() {
    super();
    window.addEventListener("beforeunload", (event) => {
      if (this.items.some((item) => item.phase === "waiting" || item.phase === "uploading")) event.preventDefault();
    });
  }

  add(collection, files) {
    for (const { file, name } of files) this.items.unshift(new UploadItem(collection, file, name));
    this.#changed();
    this.#next();
  }

  retry(item) {
    Object.assign(item, new UploadItem(item.collection, item.file, item.name));
    this.#changed();
    this.#next();
  }

  cancel(item) {
    item.abort.abort();
    if (item.phase === "waiting") this.#set(item, { phase: "cancelled" });
  }

  clearFinished() {
    this.items = this.items.filter((item) => !item.finished);
    this.#changed();
  }

  #next() {
    while (this.#active < PARALLEL_UPLOADS) {
      const item = this.items.findLast(({ phase }) => phase === "waiting");
      if (!item) return;
      this.#active += 1;
      this.#send(item).finally(() => {
        this.#active -= 1;
        this.#next();
      });
    }
  }

  async #send(item) {
    this.#set(item, { phase: "uploading" });
    const onProgress = (sent, total) => this.#set(item, { fraction: total ? sent / total : 0 });
    try {
      const sent = await upload(item.collection, item.file, { name: item.name, onProgress, signal: item.abort.signal });
      const done = sent.unchanged && sent.state === "ready";
      this.#set(item, { phase: done ? "unchanged" : "ingesting", document: sent.document_id, version: sent.version, fraction: 0, state: sent.state });
      this.#watch();
    } catch (problem) {
      const cancelled = problem.name === "AbortError";
      this.#set(item, cancelled ? { phase: "cancelled" } : { phase: "failed", problem });
    }
  }

  #watch() {
    this.#timer ??= setTimeout(async () => {
      const items = this.items.filter(({ phase }) => phase === "ingesting");
      const due = items.sort((a, b) => a.watchedAt - b.watchedAt).slice(0, WATCHED_AT_ONCE);
      await Promise.all(due.map((item) => this.#look(item)));
      this.#timer = null;
      if (this.items.some(({ phase }) => phase === "ingesting")) this.#watch();
    }, WATCH_INTERVAL_MS);
  }

  async #look(item) {
    item.watchedAt = performance.now();
    try {
      const found = await api.document(item.document);
      const version = found.versions.find(({ version: n }) => n === item.version) ?? found;
      if (version.state === "ready") this.#set(item, { phase: "ready", state: "ready", fraction: 1 });
      else if (version.state === "failed") this.#set(item, { phase: "failed", problem: { code: version.error_code, detail: version.error } });
      else this.#set(item, { state: version.state, fraction: version.progress, headway: headway(version) });
    } catch (problem) {
      if (problem.status === 404) this.#set(item, { phase: "failed", problem: { code: "deleted", detail: "The document was deleted meanwhile." } });
      // Anything else may pass: the next look asks again.
    }
  }

  #set(item, values) {
    Object.assign(item, values);
    this.#changed(item);
  }

  #changed(item = null) {
    this.dispatchEvent(new CustomEvent("change", { detail: item }));
  }
}

export const uploads = new Uploads();

/** The files of a drop, folders included, as {file, name}, where the name keeps the path inside the folder. */
export async function filesOfDrop(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (entries.length === 0) return filesOfInput(transfer);
  const found = [];
  for (const entry of entries) await collect(entry, found);
  return found;
}

export const filesOfInput = ({ files }) => [...files].map((file) => ({ file, name: file.webkitRelativePath || file.name }));

async function collect(entry, found) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    if (!file.name.startsWith(".")) found.push({ file, name: entry.fullPath.replace(/^\//, "") });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // at most 100 a call
    if (batch.length === 0) return;
    for (const inner of batch) await collect(inner, found);
  }
}
