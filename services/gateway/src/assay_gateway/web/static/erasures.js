// How far a deletion is, in words and steps, how soon to look again, and the commands that check it.

import { duration, plural } from "./format.js";

const DAY_S = 86400;
const SECOND_MS = 1000;

export const WORDS = {
  held: "held",
  key_destroyed: "key destroyed",
  leaving: "leaving the stores",
  settling: "waiting for logs",
  complete: "complete",
  proven: "proven",
};

/** The state of an erasure; one that is leaving and of which nothing is counted yet has only lost its key. */
export function stage({ state, counts }) {
  return state === "leaving" && Object.keys(counts).length === 0 ? "key_destroyed" : state;
}

/** The steps from the deletion to its proof, in order; each is `done`, `now`, `waiting` or `held`. */
export function steps(erasure) {
  const { requested_at: asked, key_destroyed_at: key, left_at: left, complete_at: complete, proven_at: proven } = erasure;
  return [
    { at: asked, status: "done", title: "Deleted", text: "Gone from searches and answers, for everyone." },
    { at: key, status: key ? "done" : "held", title: key ? "Key destroyed" : "Key kept by a legal hold", text: keyText(asked, key) },
    { at: left, status: status(left, key), title: "Out of every store", text: "Rows, vectors, index terms, files and cached answers are removed." },
    { at: complete, status: status(complete, left), title: "Files and logs rewritten", text: complete
      ? "The stores have rewritten their files, and their logs have let go of it."
      : "Stores keep what was removed in their files and logs for a while. It takes up to 15 minutes until they have let go of it." },
    { at: proven, status: proven ? "done" : "waiting", title: "Proven by a scan", text: proven
      ? "A scan of all files, which found the controls planted in each store, found nothing of it."
      : complete ? "No scan has looked for it yet. The command is below." : "A scan of all files can prove it then." },
  ];
}

const status = (at, before) => (at ? "done" : before ? "now" : "waiting");

function keyText(asked, key) {
  if (!key) return "Its text and old versions are kept too, until a curator lifts the hold.";
  const lost = "Its text, name and metadata cannot be decrypted any more.";
  return key === asked ? lost : `A legal hold had kept it until then. ${lost}`;
}

/** "at once", "after 41 s", "after 3 days": how long after the deletion was asked for. */
export function after(asked, at) {
  const seconds = (new Date(at) - new Date(asked)) / SECOND_MS;
  if (seconds < 1) return "at once";
  return `after ${seconds < 2 * DAY_S ? duration(seconds) : plural(Math.round(seconds / DAY_S), "day")}`;
}

const STORES = {
  vector_index: ["Vectors", "vectors"],
  lexical_index: ["Passages in the word index", "passages"],
  blobs: ["Files", "files"],
  cache: ["Cached answers", "answers"],
};

/** What was removed, by store, in a fixed order: the number with a label, and a `short` one for tables. */
export function removed({ counts }) {
  const known = Object.keys(STORES).filter((store) => store in counts);
  const other = Object.keys(counts).filter((store) => !(store in STORES)).sort();
  return [...known, ...other].map((store) => {
    const words = store.replaceAll("_", " ");
    const [label, short] = STORES[store] ?? [words, words];
    return { label, short, n: counts[store] };
  });
}

const PACE_MS = { leaving: 3 * SECOND_MS, settling: 15 * SECOND_MS, held: 60 * SECOND_MS };

/** After how many milliseconds to look at these erasures again; null if nothing of them can change by itself. */
export function pace(erasures) {
  const open = erasures.map(({ state }) => PACE_MS[state]).filter(Boolean);
  return open.length > 0 ? Math.min(...open) : null;
}

export const receiptFile = (id) => `erasure-${id}.jws`;
export const KEY_FILE = "assay-receipts.pem";

export const proveCommand = (id) => `assay erasure verify --erasure ${id}`;

/** Commands that check a downloaded receipt by nothing but OpenSSL 3: the signature is over the first two parts. */
export const checkCommands = (id) => [
  `cut -d. -f1,2 ${receiptFile(id)} | tr -d '\\n' > signed`,
  `printf '%s==' "$(cut -d. -f3 ${receiptFile(id)})" | tr '_-' '/+' | base64 -d > signature`,
  `openssl pkeyutl -verify -pubin -inkey ${KEY_FILE} -rawin -in signed -sigfile signature`,
].join("\n");
