// What the platform says of its parts, asked now and then while the page is visible.

import { api } from "./api.js";

const INTERVAL_READY_MS = 20_000;
const INTERVAL_WAITING_MS = 4_000;

class System extends EventTarget {
  state = null;
  problem = null;
  seenAt = 0; // of `state`, by performance.now()
  #timer = null;

  start() {
    document.addEventListener("visibilitychange", this.refresh);
    this.refresh();
  }

  stop() {
    document.removeEventListener("visibilitychange", this.refresh);
    clearTimeout(this.#timer);
  }

  refresh = async () => {
    clearTimeout(this.#timer);
    if (document.hidden) return;
    try {
      this.state = await api.system();
      this.problem = null;
      this.seenAt = performance.now();
    } catch (problem) {
      this.problem = problem;
    }
    this.dispatchEvent(new Event("change"));
    if (this.problem?.status === 401) return;
    this.#timer = setTimeout(this.refresh, this.ready ? INTERVAL_READY_MS : INTERVAL_WAITING_MS);
  };

  get waiting() {
    if (!this.state) return [];
    return Object.entries(this.state.parts).filter(([, part]) => part.ready === false).map(([name]) => name);
  }

  get ready() {
    return this.problem === null && this.state !== null && this.waiting.length === 0;
  }

  /** True if the generator was seen ready after `moment`. */
  generatorReadySince(moment) {
    return this.seenAt > moment && (this.state?.parts.generator?.ready ?? false);
  }
}

export const system = new System();
