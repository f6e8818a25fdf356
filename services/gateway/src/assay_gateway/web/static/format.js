// Numbers, sizes and dates as people read them.

const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const DATE_TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const COUNT = new Intl.NumberFormat();

export const count = (n) => (n === null || n === undefined ? "–" : COUNT.format(n));
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

export function date(iso) {
  return iso ? DATE.format(new Date(iso)) : "–";
}

export function dateTime(iso) {
  return iso ? DATE_TIME.format(new Date(iso)) : "–";
}

export function bytes(n) {
  if (n === null || n === undefined) return "–";
  if (n < 1024) return `${n} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let value = n / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}

export function milliseconds(ms) {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return `${(ms / 1000).toFixed(1)} s`;
}

export function score(value) {
  if (value === null || value === undefined) return "–";
  if (value === 0) return "0";
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return Math.abs(value) < 0.1 ? value.toFixed(4) : value.toFixed(3);
}

/** As many decimals as it takes, at most four. */
export const shortest = (value) => String(Number(value.toFixed(4)));

/** A difference with its sign. */
export const signed = (value) => (value === null || value === undefined ? "–" : `${value > 0 ? "+" : value < 0 ? "−" : "±"}${difference(Math.abs(value))}`);
const difference = (value) => (value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 3));

export function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** "3 of 12 pages, 40 of 90 chunks, 12 s left", as far as it is known. */
export function headway({ pages, pages_done: pagesDone, chunks, chunks_done: chunksDone, left_s: left }) {
  const parts = [];
  if (pages) parts.push(pagesDone === pages || pagesDone == null ? plural(pages, "page") : `${count(pagesDone)} of ${plural(pages, "page")}`);
  if (chunks && chunksDone != null) parts.push(`${count(chunksDone)} of ${plural(chunks, "chunk")}`);
  if (left != null) parts.push(`${duration(left)} left`);
  return parts.join(", ");
}

export const percent = (value) => `${Math.round(value * 100)} %`;

/** "groundedness" → "Groundedness", "recall@5" → "Recall@5". */
export function words(name) {
  const text = String(name).replaceAll("_", " ");
  const known = { mrr: "MRR", bm25: "BM25", rrf: "RRF", html: "HTML", pdf: "PDF" };
  if (known[text]) return known[text];
  return text.replace(/^ndcg/i, "nDCG").replace(/^mrr/i, "MRR").replace(/^[a-z](?!DCG)/, (c) => c.toUpperCase());
}

/** The name of a language by its BCP 47 tag; a dash where it is not known. */
export function languageName(tag) {
  return tag && tag !== "und" ? new Intl.DisplayNames(["en"], { type: "language" }).of(tag) : "–";
}
